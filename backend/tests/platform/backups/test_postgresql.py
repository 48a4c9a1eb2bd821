"""Backups of PostgreSQL: the effects of other connections, roles, client programs and
passwords.
"""

import os
import shutil
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from app.platform.backups import BackupFailed
from app.platform.backups.stores import store_of

pytestmark = pytest.mark.only("postgresql")


@pytest.fixture
def ordinary(place, worker_id):
    """The database belongs to a role that may not create databases."""
    role = f"liftoff_ordinary_{worker_id}"
    url = make_url(place.settings.database_url.get_secret_value())
    place.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2 with a space'")
    owner = place.ask("SELECT current_user")
    place.execute(f'GRANT {role} TO "{owner}"')
    place.execute(f'ALTER DATABASE "{url.database}" OWNER TO {role}')
    move = (
        "DO $$ DECLARE t text; BEGIN FOR t IN SELECT oid::regclass FROM pg_class WHERE "
        "relnamespace = 'public'::regnamespace AND relkind IN ('r') LOOP "
        "EXECUTE format('ALTER TABLE %s OWNER TO {}', t); END LOOP; FOR t IN SELECT oid::regtype "
        "FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e' LOOP "
        "EXECUTE format('ALTER TYPE %s OWNER TO {}', t); END LOOP; END $$"
    )
    place.execute(move.format(role, role))
    there = url.set(username=role, password="hunter2 with a space")
    given = SecretStr(there.render_as_string(hide_password=False))
    everyone = place.settings
    place.settings = everyone.model_copy(update={"database_url": given})
    yield role
    place.settings = everyone
    place.execute(f'REASSIGN OWNED BY {role} TO "{owner}"')
    place.execute(f"DROP OWNED BY {role}")
    place.execute(f"DROP ROLE {role}")


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """`tools("pg_dump", script)` makes the script run in place of the real program."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name, script):
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    return put


def test_other_connections_are_ended_and_wait(place):
    """A process keeps writing.

    During the restore, the process gets errors. Afterwards, it sees the restored rows.
    """
    place.back_up(check=False)
    place.execute("DELETE FROM kept_names")
    ended, errors = threading.Event(), []

    def write():
        while not ended.is_set():
            try:
                with place.engine.begin() as connection:
                    connection.execute(text("SELECT count(*) FROM kept_names"))
                    connection.execute(text("SELECT count(*) FROM users"))
            except DBAPIError as error:
                errors.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    with place.engine.connect() as idle:  # this connection is in a transaction that would never end
        idle.execute(text("SELECT * FROM kept_names FOR UPDATE"))
        place.restore()
        ended.set()
        with pytest.raises(DBAPIError):
            idle.execute(text("SELECT 1"))
    for writer in writers:
        writer.join()
    assert errors
    assert place.names() == ["Ada", "Grace"]


def test_objects_that_depend_on_a_table_are_not_dropped(place):
    place.back_up(check=False)
    place.execute("CREATE SCHEMA reports")
    place.execute("CREATE VIEW reports.names AS SELECT name FROM public.kept_names")
    place.execute("INSERT INTO kept_names VALUES ('Mallory')")
    try:
        with pytest.raises(BackupFailed, match=r"other objects depend.*as it was before"):
            place.restore()
        assert place.ask("SELECT count(*) FROM reports.names") == 3
    finally:
        place.execute("DROP SCHEMA reports CASCADE")


def test_views_types_functions_and_sequences_come_back(place):
    extra = (
        "CREATE TYPE mood AS ENUM ('calm')",
        "CREATE VIEW loud AS SELECT upper(name) AS name FROM kept_names",
        "CREATE SEQUENCE numbers START 7",
        "CREATE FUNCTION seven() RETURNS int LANGUAGE sql AS 'SELECT 7'",
    )
    gone = ("FUNCTION seven()", "SEQUENCE numbers", "VIEW loud", "TYPE mood")
    for statement in extra:
        place.execute(statement)
    try:
        place.back_up()
        place.restore()
        place.restore()
        assert place.ask("SELECT max(name) || seven() || nextval('numbers') FROM loud") == "GRACE77"
    finally:
        for name in gone:
            place.execute(f"DROP {name}")


def test_no_scratch_database_stays(place):
    place.back_up()
    assert store_of(place.settings).leftovers() == []


def test_a_role_that_cannot_create_databases_is_told(place, ordinary):
    place.back_up()
    told = [line for line in place.said if "may not create databases" in line]
    assert len(told) == 1
    assert "was read to its end, but not restored" in told[0]
    place.execute("DELETE FROM kept_names")
    place.restore()
    assert place.names() == ["Ada", "Grace"]


def test_no_password_is_on_a_command_line(place, ordinary, tools, tmp_path):
    for name in ("pg_dump", "pg_restore", "psql"):
        real = shutil.which(name)
        tools(name, f'echo "{name} $*" >> {tmp_path}/commands\nexec {real} "$@"')
    place.back_up()
    place.restore()
    commands = (tmp_path / "commands").read_text()
    assert {line.split()[0] for line in commands.splitlines()} == {"pg_dump", "pg_restore", "psql"}
    assert "hunter2" not in commands
    assert ordinary in commands


def test_a_missing_program_is_named(place, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackupFailed, match="pg_dump is not on PATH"):
        place.back_up()


def test_a_program_older_than_the_server_is_named(place, tools):
    tools("pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.1'")
    with pytest.raises(BackupFailed, match="has version 9, but the server has version"):
        place.back_up()


def test_a_dump_that_fails_leaves_no_file(place, tools):
    tools(
        "pg_dump",
        '[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99.0" && exit\n'
        "echo half; echo 'pg_dump: error: it broke' >&2; exit 1",
    )
    with pytest.raises(BackupFailed, match="pg_dump failed: pg_dump: error: it broke"):
        place.back_up()
    assert [file.suffix for file in Path(place.folder).iterdir()] == [""]


def test_rows_are_not_shown_in_errors(place, tools):
    """PostgreSQL's error message contains the row that could not be stored."""
    tools(
        "psql",
        "cat > /dev/null; echo 'psql:1: ERROR:  duplicate key' >&2; "
        "echo 'CONTEXT:  COPY users, line 1: ada@example.com' >&2; exit 3",
    )
    place.back_up(check=False)
    with pytest.raises(BackupFailed, match="ERROR:  duplicate key") as refused:
        place.restore()
    assert "ada@example.com" not in str(refused.value)
