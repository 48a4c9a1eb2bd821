"""Plain Alembic commands work in `backend/`.

Migrations go up and down, one or several at a time, also if the tables have rows. They
never hang.
"""

import re
from contextlib import closing
from typing import Any

import pytest
from alembic import command
from pymysql.constants.CLIENT import MULTI_STATEMENTS
from sqlalchemy import Engine, create_engine, text

from app.core.features import load_models
from app.db.database import Base
from app.db.migrations import alembic_config, known_revisions
from app.db.urls import normalise_database_url
from tests.db.alembic_runs import alembic, counts, done, fill
from tests.support.trees import Tree


def deleted(engine: Engine) -> set[str]:
    """Return the tables of deleted features, which a revision may drop."""
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


def statements_of(sql):
    """Yield each statement separately, because PostgreSQL can create an index
    concurrently only in a statement of its own.

    The body of a function, between two `$$`, contains semicolons.
    """
    statement = ""
    for part in sql.split(";\n"):
        statement += part
        if statement.count("$$") % 2:
            statement += ";\n"
        elif statement.strip():
            yield statement
            statement = ""
        else:
            statement = ""


@pytest.mark.only("postgresql")
@pytest.mark.parametrize("way", [("upgrade", "base:head"), ("downgrade", "head:base")])
def test_the_administrators_sql_works_and_bounds_its_locks(scratch_url, scratch, way):
    if way[0] == "downgrade":
        done(scratch_url, "upgrade", "head")
    sql = done(scratch_url, *way, "--sql")
    assert re.search(r"BEGIN;\s+SET lock_timeout = '5s';", sql)
    with scratch.connect() as connection:
        for statement in statements_of(sql.replace("%", "%%")):
            connection.exec_driver_sql(statement)
    assert ("users" in counts(scratch)) == (way[0] == "upgrade")


# The query returns the collation of every column, and the default collation of every
# table for new columns.
COLLATIONS = (
    "SELECT table_name, column_name, character_set_name, collation_name FROM "
    "information_schema.columns WHERE table_schema = DATABASE() UNION ALL SELECT table_name, '', "
    "'', table_collation FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY "
    "1, 2"
)


@pytest.mark.only("mysql")
def test_the_administrators_sql_creates_what_a_migration_creates(scratch_url, scratch):
    """The SQL also works if the database's default and the client use Latin-1."""
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
