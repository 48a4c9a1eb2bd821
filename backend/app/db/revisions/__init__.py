"""Additions of `alembic/env.py` to Alembic. Only migrations import this package.

| Module | About |
|---|---|
| `enums` | reads `Enum` columns from a database, and finds those that have changed |
| `dialects` | creates, extends and drops enum types of PostgreSQL; adds NOT NULL |
| `postgresql_types` | the SQL for these types |
| `renames` | refuses to drop and add a column or table that was probably renamed |
| `required` | explains a NOT NULL column for which rows have no value |
"""
