"""Additions of `alembic/env.py` to Alembic. Only migrations import this package.

| Module | About |
|---|---|
| `enums` | reads `Enum` columns from a database, and finds those that have changed |
| `dialects` | creates, extends and drops PostgreSQL's enum types; adds NOT NULL columns safely |
| `postgresql_types` | the SQL for these types |
| `renames` | refuses to drop and add a column or table that was probably renamed |
| `required` | explains the problem with a NOT NULL column for which rows have no value |
"""
