"""`make migration` handles common changes of models: enums, renames and NOT NULL
columns.
"""

import ast

import pytest
from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import Column, Enum, MetaData, Table, Text, inspect, text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.schema import CreateTable

from app.db.enums import AmbiguousEnum, refuse_ambiguous
from app.db.revisions import renames
from app.db.types import ExactDecimal, UtcDateTime
from tests.support.trees import Tree

MODELS = """
import enum

from sqlalchemy import Enum, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.database import Base
from app.db.types import PrimaryKey


class State(enum.Enum):
    new = "new"
    sent = "sent"
    {state}


class Parcel(Base):
    __tablename__ = "parcels"

    id: Mapped[PrimaryKey]
    {columns}
"""
STATE = "state: Mapped[State]"
SECOND = 'earlier: Mapped[State] = mapped_column(server_default="new")'


@pytest.fixture
def project(tmp_path, scratch_url):
    """A copy of the project with a feature `parcels`, on an empty, migrated
    database.
    """
    return Project(tmp_path / "copy", scratch_url)


class Project(Tree):
    def __init__(self, folder, url):
        super().__init__(folder)
        self.url = url
        feature = self.backend / "app" / "routers" / "parcels"
        feature.mkdir()
        (feature / "__init__.py").write_text('"""Parcels."""\n')
        (feature / "router.py").write_text(
            "from fastapi import APIRouter\n\nrouter = APIRouter()\n"
        )
        self.models = feature / "models.py"
        self.alembic("upgrade", "head")

    def alembic(self, *arguments):
        done = self.python(
            "-m", "alembic", *arguments, timeout=600, DATABASE_URL=self.url, LOG_LEVEL="error"
        )
        assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-4000:])
        return done.stderr

    def refused(self, *arguments):
        done = self.python(
            "-m", "alembic", *arguments, timeout=600, DATABASE_URL=self.url, LOG_LEVEL="error"
        )
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        return done.stderr

    def write(self, *columns, state="", extra=""):
        self.models.write_text(MODELS.format(columns="\n    ".join(columns), state=state) + extra)

    def revise(self, *options):
        """Autogenerate a revision and return its text."""
        before = set(self.revisions())
        self.alembic(*options, "revision", "--autogenerate", "-m", f"change {len(before)}")
        (new,) = set(self.revisions()) - before
        return new.read_text()

    def revisions(self):
        return (self.backend / "alembic" / "versions").glob("*.py")

    def up_down_up(self):
        for command in (("upgrade", "head"), ("downgrade", "-1"), ("upgrade", "head"), ("check",)):
            self.alembic(*command)


def refuses(engine, sql):
    with (
        pytest.raises(Exception, match=r"(?i)constraint|enum|truncated|null"),
        engine.connect() as connection,
    ):
        connection.execute(text(sql))
    return True


def run(engine, sql):
    with engine.connect() as connection:
        return connection.execute(text(sql))


def types(engine):
    return (
        {one["name"] for one in inspect(engine).get_enums()}
        if engine.name == "postgresql"
        else set()
    )


@pytest.mark.slow
def test_the_life_of_an_enum(project, scratch):
    """An enum is created, used by a second column, extended and dropped.

    The migration of each step goes up, down and up again.
    """
    project.write(STATE)
    assert 'sa.Enum("new", "sent", name="state")' in project.revise()
    project.up_down_up()
    run(scratch, "INSERT INTO parcels (state) VALUES ('sent')")
    assert refuses(scratch, "INSERT INTO parcels (state) VALUES ('lost')")

    project.write(STATE, SECOND)
    project.revise()
    project.up_down_up()
    assert run(scratch, "SELECT state, earlier FROM parcels").all() == [("sent", "new")]
    checks = [check["name"] for check in inspect(scratch).get_check_constraints("parcels")]
    assert len(checks) == len(set(checks))

    project.write(
        STATE, SECOND, "note: Mapped[str | None] = mapped_column(String(20))", state='lost = "lost"'
    )
    changed = project.revise()
    assert 'sa.Enum("new", "sent", "lost", name="state")' in changed
    project.up_down_up()
    run(scratch, "UPDATE parcels SET state = 'lost'")
    assert refuses(scratch, "UPDATE parcels SET state = 'gone'")
    assert refuses(scratch, "UPDATE parcels SET state = NULL")
    assert (
        project.python(
            "-m", "alembic", "downgrade", "-1", timeout=600, DATABASE_URL=project.url
        ).returncode
        != 0
    )
    run(scratch, "UPDATE parcels SET state = 'new'")

    project.write("state: Mapped[str] = mapped_column(String(20))", state='lost = "lost"')
    project.revise("-x", "drop=yes")
    project.up_down_up()
    run(scratch, "UPDATE parcels SET state = 'anything'")
    assert "state" not in types(scratch)


@pytest.mark.slow
def test_what_may_be_a_rename_stops_with_the_revision_to_write(project, scratch):
    """The code in the refusal works without changes."""
    name = "{}: Mapped[str] = mapped_column(String(20))"
    project.write(name.format("label"))
    project.revise()
    project.alembic("upgrade", "head")
    run(scratch, "INSERT INTO parcels (label) VALUES ('kept')")
    project.write(name.format("title"))
    said = project.refused("revision", "--autogenerate", "-m", "rename")
    assert (
        "parcels.label would be dropped with all its data, and parcels.title would be added" in said
    )
    project.alembic("revision", "-m", "rename label to title")
    (empty,) = (file for file in project.revisions() if "rename_label" in file.name)
    head = empty.read_text().partition("revision = ")
    imports, _, functions = said[
        said.index("import sqlalchemy as") : said.index("Then run")
    ].partition("def upgrade")
    rest = head[2].partition("def upgrade")[0]
    empty.write_text(f"{head[0]}{imports}{head[1]}{rest}def upgrade{functions}")
    project.up_down_up()
    assert run(scratch, "SELECT title FROM parcels").all() == [("kept",)]
    project.models.write_text(project.models.read_text().replace('"parcels"', '"boxes"'))
    said = project.refused("revision", "--autogenerate", "-m", "rename")
    assert "The table parcels would be dropped with all its rows" in said
    assert 'op.rename_table("parcels", "boxes")' in said.replace("'", '"')
    project.revise("-x", "drop=yes")
    project.alembic("upgrade", "head")
    assert run(scratch, "SELECT count(*) FROM boxes").all() == [(0,)]


@pytest.mark.slow
def test_a_column_that_rows_have_no_value_for_is_explained(project, scratch):
    """The explanation appears in three cases: when the revision is written, when it
    runs on a database with more rows, and if an existing NULL prevents it.
    """
    project.write("label: Mapped[str | None] = mapped_column(String(20))")
    project.revise()
    project.alembic("upgrade", "head")
    project.write("label: Mapped[str | None] = mapped_column(String(20))", "size: Mapped[int]")
    project.revise()
    project.alembic("upgrade", "head")  # without rows, this works
    project.alembic("downgrade", "-1")
    run(scratch, "INSERT INTO parcels (label) VALUES (NULL)")
    said = project.refused("upgrade", "head")
    assert "parcels.size may not be NULL, and existing rows have no value for it" in said
    run(scratch, "DELETE FROM parcels")
    project.alembic("upgrade", "head")
    run(scratch, "INSERT INTO parcels (size) VALUES (3)")
    project.write(
        "label: Mapped[str] = mapped_column(String(20))", "size: Mapped[int]", "cost: Mapped[int]"
    )
    assert "may not be NULL" in project.refused("revision", "--autogenerate", "-m", "required")


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(
    ("name", "said"), [("state", "with different values"), (None, "needs a name")]
)
def test_enums_that_postgresql_would_mix_up_are_refused(name, said):
    models = MetaData()
    Table("parcels", models, Column("state", Enum("new", "sent", name="state")))
    Table("boxes", models, Column("state", Enum("new", name=name)))
    with pytest.raises(AmbiguousEnum, match=said):
        refuse_ambiguous(models)


@pytest.mark.only("sqlite")
def test_an_enum_of_a_model_has_a_check_on_sqlite_and_a_name():
    columns: list[Column[str]] = [
        Column(name, Enum("new", "sent", name="state")) for name in ("state", "earlier")
    ]
    made = str(
        CreateTable(Table("parcels", MetaData(), *columns)).compile(dialect=sqlite.dialect())
    )
    assert "CONSTRAINT ck_parcels_state_state CHECK (state IN ('new', 'sent'))" in made
    assert "CONSTRAINT ck_parcels_earlier_state CHECK (earlier IN ('new', 'sent'))" in made


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(
    ("kind", "imports"),
    [
        (UtcDateTime(), {"op", "UtcDateTime"}),
        (ExactDecimal(8, 2), {"op", "ExactDecimal"}),
        (Text().with_variant(mysql.MEDIUMTEXT(), "mysql"), {"sa", "op", "mysql"}),
        (Enum("new", "sent", name="state"), {"sa", "op"}),
    ],
    ids=["time", "decimal", "long text", "enum"],
)
def test_the_revision_to_write_imports_what_it_names(kind, imports):
    dropped = ops.DropColumnOp.from_column_and_tablename(None, "parcels", Column("a", kind))
    change = ops.ModifyTableOps("parcels", [dropped, ops.AddColumnOp("parcels", Column("b", kind))])
    script = ops.MigrationScript("1", ops.UpgradeOps([change]), ops.DowngradeOps([]))
    with pytest.raises(renames.PerhapsRenamed) as refusal:
        renames.refuse_renames(MigrationContext.configure(dialect_name="sqlite"), script)
    advice = refusal.value.advice
    code = advice[advice.index("Put this into it:") : advice.index("Then run")].partition("\n")[2]
    imported = [
        node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    named = {alias.asname or alias.name for node in imported for alias in node.names}
    assert named == imports
