"""`make test` runs the tests on each database, and prints the progress and the
result.
"""

import pytest

from tests.support.trees import Tree
from tools import progress

pytestmark = pytest.mark.slow
SAMPLE = """
import sys


def test_a_draft_waits_for_no_plugin_it_does_not_use():
    assert not {"schemathesis", "hypothesis", "xdist.workermanage"} & set(sys.modules)


def test_that_fails():
    assert 1 == 2
"""


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path / "copy")
    folder = tree.backend / "tests" / "sample"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "test_sample.py").write_text(SAMPLE)
    return tree


def run(tree, *options):
    return tree.python("-m", "tools.run_tests", *options, timeout=600)


def test_one_test_on_one_database_starts_only_what_it_needs(tree):
    done = run(tree, "--only", "sample/test_sample.py", "--k", "draft", "--db", "sqlite")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sqlite, part 1 of 1" in done.stdout
    assert "1 passed, 1 deselected" in done.stdout


def test_a_failure_is_named_before_the_summary(tree):
    done = run(tree, "--only", "sample", "--db", "sqlite")
    assert done.returncode == 1
    named = "FAILED tests/sample/test_sample.py::test_that_fails: assert 1 == 2"
    assert done.stdout.index(named) < done.stdout.index("= FAILURES =")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--only", "nothing"), "There is no backend/tests/nothing"),
        (("--db", "oracle"), "Use sqlite, postgresql or mysql"),
        (("--db", "mysql"), "db=mysql needs MYSQL_TEST_URL"),
    ],
)
def test_what_cannot_be_run_is_explained(tree, options, said):
    done = run(tree, *options)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_the_time_left_counts_this_part_and_the_later_ones(pytestconfig, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    monkeypatch.setenv(progress.PART, "sqlite, part 2 of 3")
    monkeypatch.setenv(progress.LATER, "600")
    monkeypatch.setattr(progress, "EVERY", 0)
    seen: list[str] = []
    counting = progress.Progress(pytestconfig)
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    monkeypatch.setattr(reporter, "write_line", seen.append)
    counting.pytest_xdist_node_collection_finished(list("abcd"))
    now[0] = 60
    over = pytest.TestReport("one", ("", 0, ""), {}, "passed", None, "teardown")
    for _ in "ab":
        counting.pytest_runtest_logreport(over)
    assert seen == [
        "sqlite, part 2 of 3: 1 of 4 tests, about 13 min left",
        "sqlite, part 2 of 3: 2 of 4 tests, about 11 min left",
    ]
