"""The SQL around a dump of PostgreSQL, so that restoring it is one transaction.

pg_restore writes the dump as a script. psql runs the statements of `before`, then that
script, then the statements of `after`. The very last statement commits the transaction.
So if any earlier statement fails, or if the connection breaks, the database stays as it
was.
"""

from .manifest import Manifest

# Other connections are ended, because their locks could block the restore. Clients may
# reconnect immediately, so this is repeated until all tables are locked. From then on,
# other connections wait until the transaction ends, for as long as their own limits
# allow. Connections of another role are not ended, because only a superuser may end
# them.
LOCK_ALL = """
DO $lock$
DECLARE
  tables text := (
    SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.relname) FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p'));
BEGIN
  FOR attempt IN 1..10 LOOP
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid();
    BEGIN
      IF tables IS NOT NULL THEN
        EXECUTE 'LOCK TABLE ' || tables || ' IN ACCESS EXCLUSIVE MODE';
      END IF;
      RETURN;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF attempt = 10 THEN RAISE; END IF;
    END;
  END LOOP;
END $lock$;
"""

# Nothing is dropped with CASCADE. If an object in another schema, such as a view for
# reports, depends on a table, the restore fails instead of removing that object.
DROP_ALL = """
DO $drop$
DECLARE
  statement text;
BEGIN
  FOR statement IN
    WITH ours AS (
      SELECT c.oid, c.relkind FROM pg_class c
      WHERE c.relnamespace = current_schema()::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))
    SELECT format('DROP %s %s', kinds.name, string_agg(ours.oid::regclass::text, ', '))
    FROM ours JOIN (VALUES (1, 'v', 'VIEW'), (2, 'm', 'MATERIALIZED VIEW'), (3, 'r', 'TABLE'),
      (3, 'p', 'TABLE')) AS kinds (turn, kind, name) ON ours.relkind = kinds.kind::"char"
    GROUP BY kinds.turn, kinds.name ORDER BY kinds.turn
  LOOP EXECUTE statement; END LOOP;
  FOR statement IN
    SELECT format('DROP SEQUENCE %s', c.oid::regclass) FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'S'
  LOOP EXECUTE statement; END LOOP;
  FOR statement IN
    SELECT format('DROP ROUTINE %s', p.oid::regprocedure) FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP EXECUTE statement; END LOOP;
  FOR statement IN
    SELECT format('DROP TYPE %s', t.oid::regtype) FROM pg_type t
    WHERE t.typnamespace = current_schema()::regnamespace AND t.typtype IN ('e', 'd')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
  LOOP EXECUTE statement; END LOOP;
END $drop$;
"""

COUNT = (
    "  IF (SELECT count(*) FROM {table}) <> {number} THEN "
    "RAISE EXCEPTION 'The table % does not have its {number} rows', {name}; END IF;"
)


def before(manifest: Manifest, *, into_empty: bool) -> str:
    """Return the statements before the dump."""
    schema = _identifier(manifest.schema)
    parts = [
        "BEGIN;",
        "SET LOCAL statement_timeout = 0;",
        "SET LOCAL lock_timeout = '3s';",
        f"CREATE SCHEMA IF NOT EXISTS {schema};",
        f"SET LOCAL search_path = {schema};",
        *([] if into_empty else [LOCK_ALL, DROP_ALL]),
        *(
            f"CREATE EXTENSION IF NOT EXISTS {_identifier(name)} SCHEMA {schema};"
            for name in manifest.extensions
        ),
    ]
    return "\n".join([*parts, ""])


def after(manifest: Manifest) -> str:
    """Return the statements after the dump: compare the numbers of rows, and commit.

    ANALYZE is part of the transaction. Without statistics, the first queries after the
    restore would be slow.
    """
    schema = _identifier(manifest.schema)
    checks = "\n".join(
        COUNT.format(table=f"{schema}.{_identifier(name)}", number=number, name=_literal(name))
        for name, number in manifest.rows.items()
    )
    return f"\nDO $count$\nBEGIN\n{checks}\n  NULL;\nEND $count$;\nANALYZE;\nCOMMIT;\n"


def _identifier(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _literal(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
