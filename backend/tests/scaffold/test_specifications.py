"""If fields are accepted, the generated code compiles, its models are mapped, its
migration runs, and its routes respond.

If fields are refused, nothing is written.
"""

from ast import literal_eval
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import UniqueConstraint, inspect

from app.core.config import get_settings
from app.db.database import Base, engine
from app.platform import middleware, openapi_routes, problems
from scaffold.migrations import creating, dropping, source_of
from scaffold.plan import Request, plan, refuse_hidden_imports
from scaffold.problems import Refused
from scaffold.rendering import render
from tests.auth.factories import make_user, token_for
from tests.scaffold.imported import imported, new_name
from tests.scaffold.test_names import PROJECT
from tests.scaffold.test_templates import NULLABLE_DEFAULTS
from tests.support.client import DocumentedClient

WORDS = [
    "a",
    "code",
    "type",
    "due_at",
    "note_2",
    "value",
    "count",
    "text",
    "starts_on",
    "hash",
    "id",
    "order",
    "x_from",
]

NAMES = st.sampled_from([*WORDS, "x", "create", "total", "created_at_to", "title"]) | st.from_regex(
    r"[a-z][a-z0-9_]{0,9}", fullmatch=True
)

KINDS = st.one_of(
    st.sampled_from(
        [
            "str",
            "text",
            "int",
            "bigint",
            "decimal",
            "money",
            "money(eur)",
            "bool",
            "date",
            "datetime",
        ]
    ),
    st.sampled_from(
        ["json", "uuid", "email", "url", "slug(from=title)", "ref(auth.User)", "nonsense", "str()"]
    ),
    st.integers(0, 1001).map(lambda length: f"str({length})"),
    st.tuples(st.integers(0, 16), st.integers(0, 16)).map(
        lambda digits: f"decimal({digits[0]},{digits[1]})"
    ),
    st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), min_size=1, max_size=4).map(
        lambda words: f"enum({','.join(words)})"
    ),
)

DEFAULTS = [
    "1",
    "true",
    "now",
    "today",
    "a",
    "(a b)",
    "a@b.example",
    "https://a.example:1/",
    "{}",
    '{"a":[true]}',
]

ENDS = st.sampled_from(["", "", "?"]) | st.builds(
    "{}={}".format, st.sampled_from(["", "?"]), st.sampled_from(DEFAULTS)
)

FLAGS = st.sets(st.sampled_from([":index", ":unique", ":search"]), max_size=2).map("".join)

FIELDS = st.lists(st.tuples(NAMES, KINDS, ENDS, FLAGS), min_size=1, max_size=6).map(
    lambda fields: " ".join(f"{name}:{kind}{end}{flags}" for name, kind, end, flags in fields)
)

OPTIONS = st.tuples(st.sampled_from(["user", "none"]), st.sampled_from(["yes", "no"]))


@contextmanager
def migrated(table):
    """Run the revision's upgrade and then its downgrade."""
    with engine.begin() as connection:
        run(connection, creating(table))
        assert table.name in inspect(connection).get_table_names()
    try:
        yield
    finally:
        with engine.begin() as connection:
            run(connection, dropping(table))
            assert table.name not in inspect(connection).get_table_names()


def run(connection, operations):
    import sqlalchemy as sa

    from app.db.migrations import OURS

    names: dict[str, Any] = {"sa": sa, "op": Operations(MigrationContext.configure(connection))}
    names |= {kind.__name__: kind for kind in OURS}
    source = f"def change():\n    {source_of(operations)}"
    exec(compile(source, "revision", "exec"), names)  # noqa: S102 - it is what the revision would hold
    names["change"]()


def indexed(feature, table):
    """Return the columns of an index, in the order of the index.

    The indexes of a private feature begin with the owner.
    """
    unique = [
        constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)
    ]
    columns = {column.name for one in (*table.indexes, *unique) for column in one.columns}
    return columns - {"id", *feature.scope}


@contextmanager
def superuser_of(router):
    """Return a client of an application with only this feature. Its user is a
    superuser.
    """
    api = FastAPI(
        openapi_url=None,
        middleware=middleware.middleware_stack(get_settings()),
        generate_unique_id_function=openapi_routes.operation_id,
    )
    problems.install_problem_handlers(api)
    api.include_router(router)
    with DocumentedClient(api) as client:
        client.headers["Authorization"] = f"Bearer {token_for(make_user(is_superuser=True))}"
        yield client


def served(feature, router):
    with superuser_of(router) as client:
        empty = client.get(feature.path)
        assert (empty.status_code, empty.json()["total"]) == (200, 0), empty.text
        missing = client.get(f"{feature.path}/1")
        assert (missing.status_code, missing.json()["code"]) == (
            404,
            f"{feature.singular}_not_found",
        )
        needed = [field.name for field in feature.fields if field.required]
        refused = client.post(feature.path, json={})
        assert refused.status_code == (422 if needed else 201), refused.text
        for sort in feature.sorts:
            assert client.get(feature.path, params={"sort": sort}).status_code == 200, sort


def attempt(fields, options, folder):
    """Return whether the specification was accepted."""
    name = new_name()
    try:
        feature = plan(Request(name, fields, *options), PROJECT)
        refuse_hidden_imports(feature, render(feature))
    except Refused:
        event("refused")
        return False
    event("accepted")
    with imported(feature, folder / name) as router, migrated(Base.metadata.tables[name]):
        assert set(feature.sort_columns) == indexed(feature, Base.metadata.tables[name])
        served(feature, router)
    return True


@pytest.mark.parametrize("examples", [15, pytest.param(60, marks=pytest.mark.slow)])
def test_whatever_is_accepted_works(committed, tmp_path, examples):
    accepted = 0

    # A failing example is not shrunk, because each example is a whole feature.
    @settings(
        max_examples=examples,
        deadline=timedelta(seconds=20),
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(FIELDS, OPTIONS)
    def check(fields, options):
        nonlocal accepted
        accepted += attempt(fields, options, tmp_path)

    check()
    assert accepted > examples // 20


def test_a_missing_field_is_its_default_and_null_stays_null(committed, tmp_path):
    """The ORM alone would not distinguish a missing value from null."""
    feature = plan(Request("estimates", NULLABLE_DEFAULTS), PROJECT)
    optional = [field for field in feature.fields if field.optional]
    with (
        imported(feature, tmp_path) as router,
        migrated(Base.metadata.tables["estimates"]),
        superuser_of(router) as client,
    ):
        made = client.post("/estimates", json={}).json()
        defaults = {field.name: field.default.wire for field in optional if field.default}
        wires = {name: literal_eval(wire) for name, wire in defaults.items() if wire}
        assert len(wires) > 10
        assert wires.items() <= made.items()
        nulls = {field.name: None for field in optional}
        assert nulls.items() <= client.post("/estimates", json=nulls).json().items()
