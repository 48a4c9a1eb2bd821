"""The worker: threads for mail, for jobs, and for jobs that call outside. So what hangs delays nothing else."""

import time
from collections.abc import Callable
from functools import partial
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.db.database import WorkerSession
from app.db.migrations import gate

from . import job_runs, outbox
from .wakes import job_bell, mail_bell, outside_bell

POLL_SECONDS = 1.5  # for what another process queued, and for what has become due

log = get_logger(__name__)


class Worker:
    """Works from `start` to `stop`. There may be several, in this process and in others."""

    def __init__(self) -> None:
        self._stopping = Event()
        self._threads = [
            Thread(target=self._work, args=(outbox.send_next, mail_bell), name="mail worker", daemon=True),
            Thread(
                target=self._work,
                args=(partial(job_runs.run_next, outside=False), job_bell),
                name="job worker",
                daemon=True,
            ),
            Thread(
                target=self._work,
                args=(partial(job_runs.run_next, outside=True), outside_bell),
                name="outside worker",
                daemon=True,
            ),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        log.info("worker_started")

    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self, seconds: float) -> bool:
        """Finish what is in hand, for at most so long; what is cut off then comes back when its lease ends."""
        self._stopping.set()
        for bell in (mail_bell, job_bell, outside_bell):
            bell.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        finished = not any(thread.is_alive() for thread in self._threads)
        log.info("worker_stopped", finished=finished)
        return finished

    def _work(self, next_one: Callable[[], bool], bell: Event) -> None:
        while not self._stopping.is_set():
            bell.clear()
            found = False
            try:
                found = _schema_fits() and next_one()
            except SQLAlchemyError as error:
                log.warning("worker_waits", reason=str(error))
            except Exception:
                log.exception("worker_failed")
            if not found and not self._stopping.is_set():
                bell.wait(POLL_SECONDS)


def _schema_fits() -> bool:
    """As requests do, work waits until the database has been migrated."""
    if not gate.open and gate.due():
        with WorkerSession() as db:
            gate.check(db)
    return gate.open
