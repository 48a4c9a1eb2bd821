"""Prose in the source is plain English, as far as a program can check this."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.config import BACKEND, ROOT
from app.core.errors import AppError, all_errors
from app.main import app
from tests.support import plain_english as rules
from tests.support.plain_english import Prose, Rule

FOLDERS = ("alembic", "app", "benchmarks", "scaffold", "simulator", "tests", "tools")
PAGES = (
    *("backend/docs", "backend/deploy", "backend/scaffold/templates", "backend/DECISIONS.md"),
    *(
        "README.md",
        "SECURITY.md",
        "AGENTS.md",
        "CHANGELOG.md",
        "backend/tools/projects/README.md",
        "Makefile",
        ".env.example",
        "docker-compose.yml",
        ".ci/run",
    ),
)
SUFFIXES = {".md", ".txt", ".jinja", ".conf", ".sql", ".yml", ".example", ""}

BAD = [
    (rules.headless, "Who deletes an account shows that it is theirs."),
    (rules.headless, "What a plan opens."),
    (rules.headless, "Whether the user may read the post."),
    (rules.headless, "Where the browser goes next."),
    (rules.pronoun_first, "It is sorted by id."),
    (rules.pronoun_first, "One row for each user."),
    (rules.pronoun_first, "Those that came last."),
    (rules.pronoun_first, "Its tokens stop working."),
    (rules.bare_none, "Return the user, or None."),
    (rules.unusual_word, "Fetch the document anew."),
    (rules.unusual_word, "A file beside these folders."),
    (rules.unusual_word, "Something we need is away."),
    (rules.unusual_word, "Send an e-mail."),
    (rules.unusual_word, "The user name is taken."),
    (rules.unusual_word, "Somebody has this username."),
    (rules.unusual_word, "Whether anybody listens."),
    (rules.unusual_word, "The worker works the queue off."),
    (rules.unusual_word, "This waits for ever."),
]
INSTALLED = {".venv", "node_modules"}  # third-party packages, which `make peers` installs
GOOD = [
    "Return the user, or `None`.",
    "Return whether the port is free. It must be free.",
    "What is wrong? The message says so.",
    "Anyone who opens the link owns the mailbox.",
    "Oneself is no pronoun here, and works offline.",
    "Nothing changes with `anew=True`, and the users move away from the old API.",
]


def python_files(*folders: str) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for file in sorted((BACKEND / folder).rglob("*.py")):
            if INSTALLED.isdisjoint(file.parts):
                yield file, str(file.relative_to(BACKEND))


def pages() -> Iterator[tuple[Path, str]]:
    for place in PAGES:
        path = ROOT / place
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in SUFFIXES:
                yield file, str(file.relative_to(ROOT))


def test_docstrings_and_comments_are_plain_english() -> None:
    found = [
        fault
        for file, name in python_files(*FOLDERS)
        for prose in rules.prose_of_python(file, name)
        for fault in rules.faults(prose)
    ]
    assert found == []


def test_pages_are_plain_english() -> None:
    found = [
        fault
        for file, name in pages()
        for prose in rules.prose_of_page(file, name)
        for fault in [rules.unusual_word(prose)]
        if fault
    ]
    assert found == []


def test_error_details_are_sentences() -> None:
    assert app.routes  # importing the application has declared every error
    found = {
        f"{error.__module__}.{error.__name__}": fault
        for error in all_errors(AppError)
        if error.__module__.startswith("app.") and (fault := rules.detail_fault(error.detail))
    }
    assert found == {}


@pytest.mark.parametrize(("rule", "text"), BAD, ids=[text for _, text in BAD])
def test_a_bad_text_is_found(rule: Rule, text: str) -> None:
    assert rule(Prose("a place", text))


@pytest.mark.parametrize("text", GOOD)
def test_a_good_text_passes(text: str) -> None:
    assert list(rules.faults(Prose("a place", rules.without_code(text)))) == []


@pytest.mark.parametrize("detail", ["not a sentence.", "No full stop"])
def test_a_bad_detail_is_found(detail: str) -> None:
    assert rules.detail_fault(detail)


def test_docstrings_and_comments_are_read(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        '"""It is a module."""\n\nX = 1  # noqa: S105 - beside the point\n\n\n'
        'def f():\n    """Return.\n\n    Away.\n\n        None\n    """\n'
        "    # first\n    # anew\n"
    )
    found = [
        fault for prose in rules.prose_of_python(file, "module.py") for fault in rules.faults(prose)
    ]
    assert [fault.partition(" ")[0] for fault in found] == [
        "module.py:1",
        "module.py:3",
        "module.py:13",
    ]


def test_a_long_test_name_is_found(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(f"def test_{'x' * 60}(): ...\n\n\ndef test_short(): ...\n")
    assert len(list(rules.long_test_names(file, "test_it.py"))) == 1


def test_names_of_tests_are_short() -> None:
    found = [
        fault for file, name in python_files("tests") for fault in rules.long_test_names(file, name)
    ]
    assert found == []
