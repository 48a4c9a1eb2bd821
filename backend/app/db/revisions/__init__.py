"""Our additions to Alembic, for `alembic/env.py`. Only migrations import this package.

| Module | Purpose |
|---|---|
| `enums` | reads `Enum` columns from a database, and finds the changed columns |
| `dialects` | creates, extends and drops enum types of PostgreSQL; adds columns |
| `postgresql_types` | the SQL for enum types of PostgreSQL |
| `renames` | refuses to drop and add a column or table that was probably renamed |
| `indexes` | creates and drops indexes without blocking writes |
| `search` | creates and drops full-text indexes |
| `required` | explains a NOT NULL column for which rows have no value |
| `refusal` | the error for a refused migration, with several lines of advice |
"""
