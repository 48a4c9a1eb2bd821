"""A pytest plugin for `make test` that prints each failure immediately, and the time
left.

`run_tests.py` loads the plugin. Environment variables contain the name of this part of
the run, and the expected duration of later parts.
"""

import os
from time import monotonic

import pytest

PART = "LIFTOFF_PART"
LATER = "LIFTOFF_LATER_SECONDS"
EVERY = 10.0  # seconds between two lines
MINUTE = 60


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # an xdist worker reports to the main process
        config.pluginmanager.register(Progress(config), "liftoff progress")


class Progress:
    """Counts the finished tests of one run, and prints the progress."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._part = os.environ.get(PART, "")
        self._later = float(os.environ.get(LATER) or 0)
        self._started = self._said = monotonic()
        self._total = self._done = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._begin(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._begin(len(ids))

    def _begin(self, total: int) -> None:
        self._total, self._started = total, monotonic()

    def pytest_report_teststatus(
        self, report: pytest.TestReport | pytest.CollectReport
    ) -> tuple[str, str, str] | None:
        """Do not print pytest's usual dot for each test.

        A failure is printed on a separate line.
        """
        if report.when != "call" and not report.failed and not report.skipped:
            return None
        category = "error" if report.failed and report.when != "call" else report.outcome
        return category, "", ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._write(
                f"{'FAILED' if report.when == 'call' else 'ERROR'} {report.nodeid}: "
                f"{_reason(report)}"
            )
        if report.when == "teardown":
            self._done += 1
            if monotonic() - self._said >= EVERY and self._done < self._total:
                self._said = monotonic()
                self._write(
                    f"{self._part}: {self._done:,} of {self._total:,} tests, {self._left()}"
                )

    def _left(self) -> str:
        pace = (monotonic() - self._started) / self._done
        return f"{duration(pace * (self._total - self._done) + self._later)} left"

    def _write(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        assert reporter
        reporter.ensure_newline()
        reporter.write_line(line)


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash else report.longrepr).strip().splitlines()
    return lines[0][:120] if lines else ""


def duration(seconds: float) -> str:
    """Return the approximate duration as text, such as `about 2 min`."""
    if seconds < MINUTE:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / MINUTE)} min"
