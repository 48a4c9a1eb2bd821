"""A command that is refused writes nothing."""

import re
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaffold import add_fields, create, project, staging
from scaffold.__main__ import main
from scaffold.grammar import parse
from scaffold.plan import Request, plan
from scaffold.problems import Refused
from tests.scaffold.imported import imported, new_name
from tests.scaffold.test_grammar import WRONG
from tests.scaffold.test_names import PROJECT
from tests.scaffold.test_templates import FULL, NULLABLE_DEFAULTS
from tests.support.trees import Tree

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

    If an option is given twice, the last value wins. The feature `zings` exists.
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
    """A copy that the commands treat as the project, and the name of an existing
    feature.
    """
    tree, name = Tree(tmp_path / "liftoff"), new_name()
    for module in (add_fields, create, staging):
        monkeypatch.setattr(module, "BACKEND", tree.backend)
    monkeypatch.setattr(
        project, "settings_for_tools", dict
    )  # the application was imported with the settings of the tests
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
        ("search:str?:search", "'search' is the column"),
        (" ".join(f"f{n}:str(1000)?" for n in range(16)), "too wide"),
    ):
        with pytest.raises(Refused, match=reason):
            add_fields.add_fields(copied[1], fields, dry=False)
