"""Runs each check in a separate thread with a time limit.

A check whose thread does not end is reported, and its thread is left running. The
threads are daemons, so the process ends without them.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Thread

from app.core.logging import scrub_for_log

from . import Check, Finding, State, failure, warning


@dataclass(frozen=True)
class Row:
    """The finding of one check, as operators see it."""

    check: str
    state: State
    detail: str
    remedy: str
    seconds: float


class _Running:
    """A check that runs in its own thread."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self._finding: Finding | None = failure(
            f"This check did not finish within {check.seconds:.0f} seconds.",
            "A service that this check uses does not respond. Check the network and that service.",
        )
        self._began = time.monotonic()
        self._seconds = check.seconds
        self._thread = Thread(target=self._run, name=f"check {check.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            finding = self.check.run()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a check that crashes is a row
            finding = failure(
                f"This check crashed. {type(error).__name__}: {first_line(error)}",
                "Report this to the developers of this deployment.",
            )
        self._finding, self._seconds = finding, time.monotonic() - self._began

    def row(self) -> Row | None:
        """Wait for the result, for as long as the check may take."""
        self._thread.join(max(0.0, self._began + self.check.seconds - time.monotonic()))
        return _row(self.check, self._finding, self._seconds)


def run_checks(checks: Iterable[Check]) -> list[Row]:
    """Return the findings in the order of the checks.

    Checks that need no other check run at the same time. If a check fails, the checks
    that need it are not run.
    """
    waiting = {check.name: check for check in checks}
    order = list(waiting)
    found: dict[str, Row | None] = {}
    blocked: dict[str, str] = {}  # for each skipped check, the failed check that it needs
    while waiting:
        turn = [check for check in waiting.values() if check.needs not in waiting]
        running = [_Running(check) for check in turn if not _failed_need(check, found, blocked)]
        found |= {one.check.name: one.row() for one in running}
        for check in turn:
            del waiting[check.name]
            if check.name not in found:
                blocked[check.name] = _failed_need(check, found, blocked)
                found[check.name] = _row(check, _not_run(blocked[check.name]), 0.0)
    return [row for name in order if (row := found[name])]


def _failed_need(check: Check, found: dict[str, Row | None], blocked: dict[str, str]) -> str:
    """Return the name of the failed check that this check needs, or an empty text."""
    needed = check.needs or ""
    row = found.get(needed)
    return needed if row and row.state is State.FAILURE else blocked.get(needed, "")


def _not_run(failed: str) -> Finding:
    return warning(
        f"This was not checked, because the check `{failed}` failed.",
        f"Repair `{failed}` first, then run this command again.",
    )


def first_line(error: BaseException) -> str:
    """Return the first line of an error, without the statement and links that
    SQLAlchemy adds.
    """
    cause = getattr(error, "orig", None) or error
    return next(iter(str(cause).strip().splitlines()), "no reason was given").strip()


def _row(check: Check, finding: Finding | None, seconds: float) -> Row | None:
    if finding is None:
        return None
    detail, remedy = (str(scrub_for_log(text)) for text in (finding.detail, finding.remedy))
    return Row(check.name, finding.state, detail, remedy, round(seconds, 2))
