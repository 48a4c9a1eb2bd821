"""What `alembic/env.py` adds to Alembic. Only migrations import it.

| Module | About |
|---|---|
| `enums` | reads `Enum` columns back from a database, and tells which have changed |
| `dialects` | creates, extends and drops the types of `Enum` columns on PostgreSQL; adds NOT NULL columns safely |
| `postgresql_types` | the SQL for that |
| `renames` | refuses to drop and add again what is probably renamed |
| `required` | explains a NOT NULL column that rows have no value for |
"""
