"""Run the suite on one database: `pytest --database=sqlite|postgresql|mysql`.

Every worker has a new database. The environment is set before any module of the
application is imported, because the import creates the engine.
"""

import gc
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
    if worker == "main":  # the controller, whose environment the workers inherit
        os.environ.update(databases.environment(kind))
    os.environ["DATABASE_URL"] = databases.create(kind, worker)
    config.pluginmanager.import_plugin("tests.support.fixtures")
    # At the end of a run, pytest collects garbage several times. Each collection takes
    # a tenth of a second. The objects imported so far live until the process ends, so
    # they are excluded.
    gc.freeze()


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Prepare Hypothesis for the modules that use it.

    The import takes a second. Tests that do not use Hypothesis need not wait for it.
    """
    if isinstance(
        collector, pytest.Module
    ) and "from hypothesis import" in collector.path.read_text("utf-8"):
        import_module("tests.support.properties")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Skip the summary of Hypothesis's plugin in runs without Hypothesis.

    The summary would import all of Hypothesis, and print nothing.
    """
    plugin = session.config.pluginmanager.get_plugin("hypothesispytest")
    if plugin and "hypothesis" not in sys.modules:
        session.config.pluginmanager.unregister(plugin)


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        databases.stop_servers()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that are meant for another database."""
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

    These are the databases in its mark `@pytest.mark.only("postgresql")`, or else all
    databases. A test that uses no tables runs only on the first database. The tests of
    `db` are about the differences between databases, with or without tables, and the
    tests of faults always run on one database.
    """
    if only := item.get_closest_marker("only"):
        return only.args
    everywhere = DB_TESTS in item.path.parents or item.get_closest_marker("faults")
    has_tables = "migrated" in getattr(item, "fixturenames", ())
    return databases.KINDS if everywhere or has_tables else databases.KINDS[:1]


def dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Order the tests so that each worker begins with long tests.

    If the long tests came last, or all went to one worker, some workers would have
    nothing left to do while others are still busy.
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
