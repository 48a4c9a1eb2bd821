"""The worker: threads that send mail and run jobs.

Mail and each lane of jobs have separate threads. So work that hangs or takes long
delays only work of the same kind.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from app.core.broker_settings import MOST_THREADS, PLAIN_THREADS
from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.database import WorkerSession
from app.db.migrations import gate
from app.platform.mail import outbox
from app.platform.models import Lane
from app.platform.queues.wakes import Bell, mail_bell

from . import BELLS, job_runs

POLL_SECONDS = 1.5  # between two queries for work from other processes or newly due work
# How often the other threads of a crew query. Usually the polling thread wakes them.
ECHO_SECONDS = 60.0
# Twice the lease of a job. After the lease, the result could not be stored anyway.
STUCK_SECONDS = 600.0
RESTART_SECONDS = 1.0
SENDERS = PLAIN_THREADS["mail"]
THREADS = {lane: PLAIN_THREADS[lane] for lane in Lane}
# SQLite has one writer, and its lock is not fair. With more threads, a request could
# time out while it waits for the lock.
MOST_ON_SQLITE = 2

log = get_logger(__name__)


@dataclass(frozen=True)
class Crew:
    """Threads that do the same kind of work.

    Each thread queries for work when `bell` rings. The first thread also queries at
    regular intervals.
    """

    name: str
    work: Callable[[], bool]
    bell: Bell
    threads: int


def crews(stopping: Event) -> Iterator[Crew]:
    """Return a crew (a group of threads) for each kind of work that this process does.
    A Celery worker may serve only some of the queues, and may have another number of
    threads for each.
    """
    settings = get_settings()
    served = settings.queue_threads
    most = MOST_ON_SQLITE if settings.sqlite_file else MOST_THREADS
    jobs = [(f"{lane} jobs", partial(job_runs.run_next, lane=lane), BELLS[lane]) for lane in Lane]
    for name, work, bell in [("mail", partial(outbox.send_due, stopping), mail_bell), *jobs]:
        if bell.queue in served:
            yield Crew(name, work, bell, min(served[bell.queue], most))


class Worker:
    """Threads that run from `start` to `stop`.

    There may be several workers, in this process and in others. An exception from an
    email or a job is recorded as a failure of that email or job. If a thread dies
    nevertheless, `at_death` is called. A worker process then exits, and its supervisor
    starts a new process. A web process must keep serving requests, so it passes no
    `at_death`, and the thread is started again.
    """

    def __init__(self, at_death: Callable[[], None] | None = None) -> None:
        self._stopping = Event()
        self._at_death = at_death
        self._bells = [mail_bell, *BELLS.values()]
        self._turned_at: dict[str, float] = {}
        self._threads = list(self._hire())

    def _hire(self) -> Iterator[Thread]:
        for crew in crews(self._stopping):
            for number in range(crew.threads):
                name = f"{crew.name} {number + 1}"
                wait = ECHO_SECONDS if number else POLL_SECONDS
                yield Thread(target=self._live, args=(crew, name, wait), name=name, daemon=True)

    def start(self) -> None:
        for thread in self._threads:
            self._turned_at[thread.name] = time.monotonic()
            thread.start()
        log.info("worker_started")

    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def is_stuck(self) -> bool:
        """Return whether a thread has worked on one item for longer than its lease."""
        long_ago = time.monotonic() - STUCK_SECONDS
        stuck = [name for name, turned_at in self._turned_at.items() if turned_at < long_ago]
        if stuck:
            log.critical("worker_stuck", threads=stuck)
        return bool(stuck)

    def stop(self, seconds: float) -> bool:
        """Finish the current work within `seconds`. Return whether it was finished.

        Interrupted work becomes due again when its lease ends.
        """
        self._stopping.set()
        log.info("worker_stopping")
        for bell in self._bells:
            bell.ring()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        finished = not any(thread.is_alive() for thread in self._threads)
        log.info("worker_stopped", finished=finished)
        return finished

    def _live(self, crew: Crew, name: str, wait: float) -> None:
        while not self._stopping.is_set():
            try:
                self._work(crew, name, wait)
            except BaseException:
                log.critical("worker_thread_ended", thread=name, exc_info=True)
                if self._at_death:
                    self._at_death()
                    return
                self._stopping.wait(RESTART_SECONDS)

    def _work(self, crew: Crew, name: str, wait: float) -> None:
        while not self._stopping.is_set():
            self._turned_at[name] = time.monotonic()
            heard, found = crew.bell.rings, False
            try:
                found = schema_fits() and crew.work()
            except SQLAlchemyError as error:
                log.warning("worker_waits", reason=str(error))
            except Exception:
                log.exception("worker_failed")
            if not found and not self._stopping.is_set():
                crew.bell.wait(heard, wait)


def schema_fits() -> bool:
    """Return whether the database has been migrated. Until then, no work is done."""
    if not gate.open and gate.due():
        with WorkerSession() as db:
            gate.check(db)
    return gate.open
