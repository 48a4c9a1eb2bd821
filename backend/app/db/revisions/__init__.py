"""Additions of `alembic/env.py` to Alembic. Only migrations import this package.

| Module | Purpose |
|---|---|
| `enums` | reads `Enum` columns from a database, and finds changed ones |
| `dialects` | creates, extends and drops enum types of PostgreSQL; adds columns |
| `postgresql_types` | the SQL for enum types of PostgreSQL |
| `renames` | refuses to drop and add a column or table that was probably renamed |
| `required` | explains a NOT NULL column for which rows have no value |
"""
