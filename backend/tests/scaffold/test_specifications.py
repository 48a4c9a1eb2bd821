"""Accepted fields make a feature that compiles, maps, migrates and serves.

Refused fields make nothing.
"""

import importlib
import re
import sys
from ast import literal_eval
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import UniqueConstraint, inspect

import app.routers
from app.core.config import get_settings
from app.db.database import Base, engine
from app.platform import middleware, openapi_routes, problems
from scaffold import add_fields, create, project, staging
from scaffold.__main__ import main
from scaffold.grammar import parse
from scaffold.migrations import creating, dropping, source_of
from scaffold.plan import Request, plan, refuse_hidden_imports
from scaffold.problems import Refused
from scaffold.rendering import render, write
from tests.auth.factories import make_user, token_for
from tests.scaffold.test_grammar import WRONG
from tests.scaffold.test_names import PROJECT
from tests.scaffold.test_templates import FULL, NULLABLE_DEFAULTS
from tests.support.client import DocumentedClient
from tests.support.trees import Tree

_numbers = count()
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
DEFAULTS += ["0" * 32, "2030-01-01"]
ENDS = st.sampled_from(["", "", "?"]) | st.builds(
    "{}={}".format, st.sampled_from(["", "?"]), st.sampled_from(DEFAULTS)
)
FLAGS = st.sets(st.sampled_from([":index", ":unique", ":search"]), max_size=2).map("".join)
FIELDS = st.lists(st.tuples(NAMES, KINDS, ENDS, FLAGS), min_size=1, max_size=6).map(
    lambda fields: " ".join(f"{name}:{kind}{end}{flags}" for name, kind, end, flags in fields)
)
OPTIONS = st.tuples(st.sampled_from(["user", "none"]), st.sampled_from(["yes", "no"]))


def letters(number):
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


@contextmanager
def imported(feature, folder):
    """Import the feature's own modules, under the names that they have in the
    project.
    """
    write({name: text for name, text in render(feature).items() if name.startswith("app/")}, folder)
    app.routers.__path__.append(str(folder / "app" / "routers"))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(f"app.routers.{feature.name}.router").router
    finally:
        app.routers.__path__.pop()
        if feature.name in Base.metadata.tables:
            Base.metadata.remove(Base.metadata.tables[feature.name])
        for name in [
            name for name in sys.modules if name.startswith(f"app.routers.{feature.name}")
        ]:
            del sys.modules[name]
        if hasattr(app.routers, feature.name):
            delattr(app.routers, feature.name)


@contextmanager
def migrated(table):
    """Run the source of the revision up and down again."""
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

    from app.db.types import ExactDecimal, JsonObject, UtcDateTime

    names: dict[str, Any] = {"sa": sa, "op": Operations(MigrationContext.configure(connection))}
    names |= {"ExactDecimal": ExactDecimal, "JsonObject": JsonObject, "UtcDateTime": UtcDateTime}
    source = f"def change():\n    {source_of(operations)}"
    exec(compile(source, "revision", "exec"), names)  # noqa: S102 - it is what the revision would hold
    names["change"]()


def indexed(feature, table):
    """Return the columns in the order of an index.

    Those of a private feature begin with the owner.
    """
    unique = [
        constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)
    ]
    columns = {column.name for one in (*table.indexes, *unique) for column in one.columns}
    return columns - {"id", *feature.scope}


@contextmanager
def superuser_of(router):
    """Return a client of this feature only."""
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
    number = next(_numbers)
    name = f"{letters(number)}zings"
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

    # Nothing is made smaller when one fails: each example is a feature.
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
    """The ORM would mistake one for the other."""
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


RIGHT = {
    "feature": [token.text for token in parse(FULL)],
    "field": [token.text for token in parse(NULLABLE_DEFAULTS)],
}
BREAKS = [
    lambda text: f"{text}:nonsense",
    lambda text: f"{text}(",
    lambda text: f"{text}\x1b",
    lambda text: f"{text} {text}",
    lambda text: text.replace(":", "", 1),
    lambda text: re.sub(":[a-z]+", ":nonsense", text, count=1),
    lambda text: re.sub("^[^:]+", "a__b", text),
    lambda text: re.sub("^[^:]+", "class", text),
    *(lambda text, wrong=wrong: f"{text} {wrong}" for wrong, _ in WRONG),
]
WRONG_OPTIONS = {
    "feature": [
        "--name=class",
        "--name=../things",
        "--name=users",
        "--owner=me",
        "--public=maybe",
        "--plural=Things",
    ],
    "field": [
        "--name=nothing",
        "--name=blog",
        "--name=..",
        "--fields=a:int",
        "--fields=title:str?",
        "--dry=maybe",
    ],
}


@st.composite
def refused_arguments(draw):
    """Return a command with one mistake, in a field or in an option.

    If an option is given twice, the last one counts. `zings` exists.
    """
    command = draw(st.sampled_from(["feature", "field"]))
    name = {"feature": "things", "field": "zings"}[command]
    if draw(st.integers(0, 3)) == 0:
        return [
            command,
            f"--name={name}",
            "--fields=word:str?",
            draw(st.sampled_from(WRONG_OPTIONS[command])),
        ]
    fields = draw(st.lists(st.sampled_from(RIGHT[command]), min_size=1, max_size=5, unique=True))
    place = draw(st.integers(0, len(fields) - 1))
    fields[place] = draw(st.sampled_from(BREAKS))(fields[place])
    return [command, f"--name={name}", f"--fields={' '.join(fields)}"]


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy that the commands take for the project, and the name of an existing
    feature.
    """
    tree, name = Tree(tmp_path / "liftoff"), f"{letters(next(_numbers))}zings"
    for module in (add_fields, create, staging):
        monkeypatch.setattr(module, "BACKEND", tree.backend)
    monkeypatch.setattr(
        project, "settings_for_tools", dict
    )  # the application has been imported with those of tests
    with imported(plan(Request(name, "title:str"), PROJECT), tree.backend):
        known = project.look()
        monkeypatch.setattr(
            add_fields, "look", lambda: replace(known, features=known.features | {name})
        )
        yield tree.root, name


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_whatever_is_refused_wrote_nothing(copied, monkeypatch):
    root, name = copied
    before = contents(root)

    @settings(
        max_examples=100, deadline=timedelta(seconds=20), suppress_health_check=list(HealthCheck)
    )
    @given(refused_arguments())
    def check(arguments):
        monkeypatch.setattr(
            sys, "argv", ["scaffold", *(text.replace("=zings", f"={name}") for text in arguments)]
        )
        with pytest.raises(Refused):
            main()
        assert contents(root) == before

    check()


def test_what_cannot_come_to_rows_that_are_there_is_refused(copied):
    for fields, reason in (
        ("title:str?", "'title' already exists"),
        ("created_at_from:int?:index", "'created_at_from' already exists"),
        ("word:str", "existing rows have no value"),
        ("at:datetime=now", "existing rows cannot get the default now"),
        ("cents:money?", "existing rows need a currency"),
        ("slug:slug(from=title)", "a slug can only be created with the feature"),
        ("word:str?:search", "add this one to FILTERS by hand"),
        (" ".join(f"f{n}:str(1000)?" for n in range(16)), "too wide"),
    ):
        with pytest.raises(Refused, match=reason):
            add_fields.add_fields(copied[1], fields, dry=False)
