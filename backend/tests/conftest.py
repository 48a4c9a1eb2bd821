"""One run of the suite is one database: `pytest --database=sqlite|postgresql|mysql`, a fresh one for every worker.

The environment is set before anything of the application is imported, because its engine is made on import.
"""

import os

import pytest

from tests.support import databases


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=databases.KINDS, default="sqlite", help="which database the suite runs on")


def pytest_configure(config: pytest.Config) -> None:
    kind = config.getoption("--database")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if worker == "main":  # the controller: workers inherit what it sets
        os.environ.update(databases.environment(kind))
    os.environ["DATABASE_URL"] = databases.create(kind, worker)
    config.pluginmanager.import_plugin("tests.support.fixtures")


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        databases.stop_servers()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is meant for another database; `@pytest.mark.only("postgresql")` names those it is meant for."""
    kind = config.getoption("--database")
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        only = item.get_closest_marker("only")
        elsewhere = only is not None and kind not in only.args
        (left if elsewhere else kept).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
    items[:] = dealt(kept, getattr(config, "workerinput", {}).get("workercount", 1))


def dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The share that xdist gives each worker at first begins with its part of the long tests.

    Left for the end, or all with one worker, they would keep it busy when the others have nothing left.
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
