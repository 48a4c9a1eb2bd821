"""Plain Alembic commands from `backend/`.

They go up and down, with rows, several at once, and never hang.
"""

import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from pymysql.constants.CLIENT import MULTI_STATEMENTS
from sqlalchemy import Engine, MetaData, Table, create_engine, func, inspect, select, text, types

from app.core.config import BACKEND
from app.core.features import load_models
from app.db.database import Base
from app.db.migrations import alembic_config, known_revisions
from app.db.urls import normalise_database_url
from tests.support.trees import Tree

LOCK_NUMBER = 4_202_611  # of alembic/env.py
LOCK = "CONCAT('liftoff migrations ', LEFT(DATABASE(), 40))"


def alembic(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=BACKEND,
        env={**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "error"},
        capture_output=True,
        text=True,
        timeout=600,  # on a machine where others work, too
        check=False,
    )


def done(url: str, *arguments: str) -> str:
    result = alembic(url, *arguments)
    assert result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
    return result.stdout


def tables(engine: Engine) -> list[Table]:
    metadata = MetaData()
    metadata.reflect(engine)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def value_of(column: Any) -> object:
    kind = column.type
    if column.primary_key or column.foreign_keys:
        return 1
    if isinstance(kind, types.Boolean) or (
        isinstance(kind, types.Integer) and column.name.startswith("is_")
    ):
        return False
    if isinstance(kind, types.Integer | types.Numeric):
        return 1
    if isinstance(kind, types.DateTime):
        return datetime.now(UTC)
    # A text that is JSON as well: MariaDB keeps JSON as text, and checks it.
    return b"1" if kind.python_type is bytes else "1"


def fill(engine: Engine) -> None:
    """Add a row 1 to every empty table. It refers to the rows 1 of the others."""
    for table in tables(engine):
        with engine.begin() as connection:
            if connection.scalar(select(func.count()).select_from(table)) == 0:
                connection.execute(
                    table.insert().values({c.name: value_of(c) for c in table.columns})
                )


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            t.name: connection.scalar(select(func.count()).select_from(t)) or 0
            for t in tables(engine)
        }


def deleted(engine: Engine) -> set[str]:
    """Tables of deleted features, which a revision may drop."""
    load_models()
    return counts(engine).keys() - Base.metadata.tables.keys()


def revisions() -> int:
    return len(known_revisions()[1])


def test_every_revision_goes_up_and_down_with_rows_in_all_tables(scratch_url, scratch, settings):
    settings(DATABASE_URL=scratch_url)
    config = alembic_config()
    for _ in range(revisions()):
        before, droppable = counts(scratch), deleted(scratch)
        command.upgrade(config, "+1")
        after = counts(scratch)
        assert before.keys() - after.keys() <= droppable
        assert (
            after.items() >= {name: rows for name, rows in before.items() if name in after}.items()
        )
        fill(scratch)
    assert set(counts(scratch).values()) == {1}
    for _ in range(revisions()):
        before = counts(scratch)
        command.downgrade(config, "-1")
        kept = counts(scratch)
        assert {
            name: rows for name, rows in kept.items() if name in before
        }.items() <= before.items()
        assert kept.keys() - before.keys() <= deleted(scratch)
    assert counts(scratch) == {}


@pytest.mark.only("sqlite")
def test_migrations_need_no_setting_but_the_database(scratch_url, scratch, tmp_path):
    """Migrations run without SECRET_KEY and without a .env file.

    A deployment without DATABASE_URL is refused.
    """
    tree = Tree(tmp_path)
    without: dict[str, Any] = {"SECRET_KEY": "", "SMTP_HOST": "", "LOG_LEVEL": "error"}
    migrated = tree.python("-m", "alembic", "upgrade", "head", DATABASE_URL=scratch_url, **without)
    assert migrated.returncode == 0, migrated.stderr
    assert "users" in counts(scratch)
    fresh = tree.python("-m", "alembic", "upgrade", "head", ENVIRONMENT="", **without)
    assert (fresh.returncode, (tree.root / ".data" / "liftoff.db").is_file()) == (0, True), (
        fresh.stderr
    )
    refused = tree.python("-m", "alembic", "upgrade", "head", ENVIRONMENT="production", **without)
    assert refused.stderr.startswith(
        "Liftoff cannot start with this setting: DATABASE_URL: is required"
    )


def test_the_head_is_what_the_models_say_and_there_is_a_way_back(scratch_url, scratch):
    done(scratch_url, "upgrade", "head")
    done(scratch_url, "check")
    done(scratch_url, "downgrade", "base")
    assert counts(scratch) == {}


@pytest.mark.only("postgresql")
@pytest.mark.parametrize("way", [("upgrade", "base:head"), ("downgrade", "head:base")])
def test_the_administrators_sql_works_and_bounds_its_locks(scratch_url, scratch, way):
    if way[0] == "downgrade":
        done(scratch_url, "upgrade", "head")
    sql = done(scratch_url, *way, "--sql")
    assert re.search(r"BEGIN;\s+SET lock_timeout = '5s';", sql)
    with scratch.connect() as connection:
        for statement in sql.replace("%", "%%").split(
            ";\n"
        ):  # an index that is made concurrently comes alone
            if statement.strip():
                connection.exec_driver_sql(statement)
    assert ("users" in counts(scratch)) == (way[0] == "upgrade")


# Of every column, and of every table for columns to come.
COLLATIONS = (
    "SELECT table_name, column_name, character_set_name, collation_name FROM "
    "information_schema.columns WHERE table_schema = DATABASE() UNION ALL SELECT table_name, '', "
    "'', table_collation FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY "
    "1, 2"
)


@pytest.mark.only("mysql")
def test_the_administrators_sql_creates_what_a_migration_creates(scratch_url, scratch):
    """This holds even in a database, and with a client, that support only Latin-1."""
    url = normalise_database_url(scratch_url)
    done(scratch_url, "upgrade", "head")
    with scratch.connect() as connection:
        online = connection.execute(text(COLLATIONS)).all()
        connection.exec_driver_sql(f"DROP DATABASE {url.database}")
        connection.exec_driver_sql(
            f"CREATE DATABASE {url.database} CHARACTER SET latin1 COLLATE latin1_swedish_ci"
        )
        connection.invalidate()
    sql = done(scratch_url, "upgrade", "head", "--sql")
    client = {"charset": "latin1", "client_flag": MULTI_STATEMENTS, "autocommit": True}
    latin = create_engine(url, connect_args=client)
    with closing(latin.raw_connection()) as administrator:
        cursor = administrator.cursor()
        cursor.execute(sql)
        while cursor.nextset():
            pass
    latin.dispose()
    with scratch.connect() as connection:
        assert connection.execute(text(COLLATIONS)).all() == online
    assert {collation for _, _, _, collation in online} == {None, "utf8mb4_bin"}
    done(scratch_url, "check")


@pytest.mark.only("mysql")
@pytest.mark.parametrize("command", [("check",), ("upgrade", "head")])
def test_a_table_of_another_collation_is_named(scratch_url, scratch, command):
    done(scratch_url, "upgrade", "head")
    convert = "ALTER TABLE users CONVERT TO CHARACTER SET utf8mb4 COLLATE {}"
    with scratch.connect() as connection:
        connection.exec_driver_sql(convert.format("utf8mb4_general_ci"))
    result = alembic(scratch_url, *command)
    assert result.returncode != 0
    assert "utf8mb4_bin" in result.stderr
    assert ": users. Make a backup" in result.stderr
    assert "Traceback" not in result.stderr
    with scratch.connect() as connection:
        connection.exec_driver_sql(convert.format("utf8mb4_bin"))
    done(scratch_url, "check")


def test_four_simultaneous_migrators_succeed_and_one_works(scratch_url, scratch):
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: alembic(scratch_url, "upgrade", "head"), range(4)))
    assert [result.returncode for result in results] == [0] * 4, [
        result.stderr[-500:] for result in results
    ]
    with scratch.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [
            known_revisions()[0]
        ]


@pytest.mark.only("postgresql", "mysql")
def test_a_migrator_waits_for_the_one_before_it(scratch_url, scratch, kind):
    finished = threading.Event()
    waiting = {
        # Between two tries, the last statement of the migrator is the end of a try.
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'liftoff migrations' AND query = 'COMMIT'",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT "
        "GET_LOCK%'",
    }
    first = {
        "postgresql": f"SELECT pg_advisory_lock({LOCK_NUMBER})",
        "mysql": f"SELECT GET_LOCK({LOCK}, 60)",
    }
    with (
        scratch.connect() as holder,
        scratch.connect() as observer,
        ThreadPoolExecutor(1) as thread,
    ):
        holder.execute(text(first[kind]))
        second = thread.submit(alembic, scratch_url, "upgrade", "head")
        second.add_done_callback(lambda _: finished.set())
        while not observer.scalar(text(waiting[kind])):
            assert not finished.wait(0.05), second.result()
        assert inspect(observer).get_table_names() == []
        holder.invalidate()  # dies, and its lock with it
        assert second.result().returncode == 0


@pytest.mark.only("mysql")
def test_the_migrator_of_another_database_is_not_waited_for(scratch_url, scratch):
    """MySQL's named locks belong to the whole server."""
    with scratch.connect() as holder:
        holder.execute(text("USE information_schema"))
        holder.execute(text(f"SELECT GET_LOCK({LOCK}, 60)"))
        began = time.monotonic()
        assert alembic(scratch_url, "upgrade", "head").returncode == 0
        assert time.monotonic() - began < 55


@pytest.mark.slow
@pytest.mark.only("mysql")
def test_a_migrator_waits_longer_than_any_request_may_take(scratch_url, scratch):
    with scratch.connect() as holder, ThreadPoolExecutor(1) as thread:
        holder.execute(text(f"SELECT GET_LOCK({LOCK}, 60)"))
        second = thread.submit(alembic, scratch_url, "upgrade", "head")
        holder.execute(text("SELECT SLEEP(18)"))
        holder.execute(text(f"SELECT RELEASE_LOCK({LOCK})"))
        assert second.result().returncode == 0, second.result().stderr[-500:]


@pytest.mark.long
@pytest.mark.only("postgresql", "mysql")
def test_a_migrator_that_waited_in_vain_says_so(scratch_url, scratch, kind):
    first = {
        "postgresql": f"SELECT pg_advisory_lock({LOCK_NUMBER})",
        "mysql": f"SELECT GET_LOCK({LOCK}, 60)",
    }
    with scratch.connect() as holder:
        holder.execute(text(first[kind]))
        result = alembic(scratch_url, "upgrade", "head")
    assert result.returncode != 0
    assert "Another migration is still running." in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.only("postgresql", "mysql")
def test_a_migration_of_a_table_in_use_fails_soon(scratch_url, scratch):
    done(scratch_url, "upgrade", "head")
    reader = create_engine(normalise_database_url(scratch_url))
    with reader.connect() as connection:
        before = counts(scratch)
        for table in tables(scratch):  # whichever the newest revision changes is among them
            connection.execute(select(table))
        started = datetime.now(UTC)
        result = alembic(scratch_url, "downgrade", "-1")
        assert result.returncode != 0
        assert "timeout" in result.stderr.lower()
        assert (
            datetime.now(UTC) - started
        ).total_seconds() < 20  # most of it the start, on a busy machine
    reader.dispose()
    assert counts(scratch) == before
    done(scratch_url, "downgrade", "-1")


SECOND_HEAD = """
revision = "0000feedbeef"
down_revision = "{parent}"


def upgrade():
    {upgrade}


def downgrade():
    pass
"""


def revision_into(tree: Tree, parent: str, upgrade: str = "pass") -> None:
    file = tree.backend / "alembic" / "versions" / "2030_01_01_0000_second.py"
    file.write_text(f"from alembic import op\n{SECOND_HEAD.format(parent=parent, upgrade=upgrade)}")


@pytest.mark.only("sqlite")
def test_two_heads_are_refused_and_named(tmp_path, scratch_url):
    tree = Tree(tmp_path)
    revision_into(tree, parent="8a53e96c0d14")
    refused = tree.python("-m", "alembic", "upgrade", "head", DATABASE_URL=scratch_url)
    assert refused.returncode != 0
    assert "alembic merge heads" in refused.stderr
    assert "0000feedbeef" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.only("sqlite")
def test_statements_that_lock_a_table_for_long_are_found(tmp_path):
    tree = Tree(tmp_path)
    assert tree.python("-m", "tools.check_migrations").returncode == 0
    revision_into(
        tree, known_revisions()[0], 'op.create_index("ix_users_slow", "users", ["is_active"])'
    )
    refused = tree.python("-m", "tools.check_migrations")
    assert refused.returncode != 0
    assert "ix_users_slow" in refused.stdout + refused.stderr
