"""`docs/promises.md` has a row for each promise, and each command in it works."""

import re
import subprocess
import sys

import pytest

from app.core.config import BACKEND

PAGE = (BACKEND / "docs" / "promises.md").read_text("utf-8")
PROMISES = 31
ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| (.*)\|$", re.MULTILINE)
ROWS = [(int(number), today, shown) for number, _, today, shown in ROW.findall(PAGE)]
COMMANDS = list(dict.fromkeys(re.findall(r"`([^`]+)`", " ".join(shown for *_, shown in ROWS))))
TESTS = [command for command in COMMANDS if command.startswith("make test ")]
OTHERS = [command for command in COMMANDS if command not in TESTS]
UNSHOWN = ("not yet",)  # rows with this text name no command


def arguments_of(command: str) -> list[str]:
    """Return the arguments that `make test only=… k=…` passes to pytest."""
    options = dict(re.findall(r"(\w+)=(\S+)", command))
    assert options.keys() <= {"only", "k"}, command
    return [f"tests/{options['only']}", *(["-k", options["k"]] if "k" in options else [])]


def pytest_run(*arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=BACKEND, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


def is_found(arguments: list[str]) -> bool:
    """Return whether these tests run on SQLite."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only"]
    done = subprocess.run([*command, *arguments], cwd=BACKEND, check=False, capture_output=True)
    return done.returncode == 0


def test_each_promise_has_a_row():
    assert [number for number, *_ in ROWS] == list(range(1, PROMISES + 1))


def test_what_works_is_shown_and_nothing_else_is():
    for number, today, shown in ROWS:
        assert today.startswith(("works", "partly: ", "ruled out: ", "not yet")), number
        assert bool(shown.strip()) is not today.startswith(UNSHOWN), number


def test_each_named_test_is_found():
    """A single run of pytest collects all files. Running the tests is left to the test
    suite.
    """
    targets = {arguments_of(command)[0] for command in TESTS}
    found = pytest_run("--collect-only", *sorted(targets))
    others = {target for target in targets if target not in found}
    if others:  # these tests are about locks, which SQLite does not have
        found = pytest_run("--collect-only", "--database", "postgresql", *sorted(others))
        assert [target for target in others if target not in found] == []
    for command in TESTS:
        if " k=" in command:
            assert "::test_" in pytest_run("--collect-only", *arguments_of(command)), command


def test_each_other_command_works(repository_with_venv):
    """The commands run in the order of the page, because some commands need the results
    of others.
    """
    assert OTHERS
    for command in OTHERS:
        repository_with_venv.shell(command)


@pytest.mark.long
@pytest.mark.parametrize("command", TESTS)
def test_each_named_test_passes(repository_with_venv, command):
    """Tests about locks run on PostgreSQL, because SQLite has no such locks."""
    database = "sqlite" if is_found(arguments_of(command)) else "postgresql"
    repository_with_venv.shell(f"{command} db={database} slow=yes")
