"""Run the suite on one database: `pytest --database=sqlite|postgresql|mysql`.

Every worker has a new one. The environment is set before anything of the application is
imported, because its engine is made on import.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.support import databases

DB_TESTS = Path(__file__).parent / "db"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=databases.KINDS,
        default="sqlite",
        help="which database the suite runs on",
    )


def pytest_configure(config: pytest.Config) -> None:
    kind = config.getoption("--database")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if worker == "main":  # the controller: workers inherit what it sets
        os.environ.update(databases.environment(kind))
    os.environ["DATABASE_URL"] = databases.create(kind, worker)
    config.pluginmanager.import_plugin("tests.support.fixtures")


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Prepare Hypothesis for the modules that use it.

    Importing it takes a second, for which no other test waits.
    """
    if isinstance(
        collector, pytest.Module
    ) and "from hypothesis import" in collector.path.read_text("utf-8"):
        import_module("tests.support.properties")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Skip the summary of Hypothesis's plugin in runs without Hypothesis.

    The summary imports all of it to print nothing.
    """
    plugin = session.config.pluginmanager.get_plugin("hypothesispytest")
    if plugin and "hypothesis" not in sys.modules:
        session.config.pluginmanager.unregister(plugin)


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        databases.stop_servers()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are meant for another database."""
    kind = config.getoption("--database")
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        (kept if kind in meant_for(item) else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
    items[:] = dealt(kept, getattr(config, "workerinput", {}).get("workercount", 1))


def meant_for(item: pytest.Item) -> tuple[str, ...]:
    """Return the databases that a test runs on.

    These are the ones that `@pytest.mark.only("postgresql")` names, or all of them. A
    test that uses no tables runs on the first database only. The tests of `db` are
    about the differences between databases, with or without tables, and the tests of
    faults run on one database anyway.
    """
    if only := item.get_closest_marker("only"):
        return only.args
    everywhere = DB_TESTS in item.path.parents or item.get_closest_marker("faults")
    has_tables = "migrated" in getattr(item, "fixturenames", ())
    return databases.KINDS if everywhere or has_tables else databases.KINDS[:1]


def dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Order the tests so that each worker's first share begins with long ones.

    If they came last, or all went to one worker, that worker would be busy while the
    others have nothing left.
    """
    marks = ("slow", "long", "faults")
    slow = [item for item in items if any(map(item.get_closest_marker, marks))]
    rest = [item for item in items if item not in set(slow)]
    order: list[pytest.Item] = []
    for number in range(workers):
        long = slow[number::workers]
        share = (len(items) - len(order)) // (workers - number)
        others = rest[: max(0, share - len(long))]
        del rest[: len(others)]
        order += long + others
    return order
