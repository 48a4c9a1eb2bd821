"""The worker: threads for mail, and for each lane of jobs. So what hangs or takes long delays nothing else."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.database import WorkerSession
from app.db.migrations import gate

from . import job_runs, outbox
from .jobs import BELLS
from .models import Lane
from .wakes import Bell, mail_bell

POLL_SECONDS = 1.5  # for what another process queued, and for what has become due
ECHO_SECONDS = 60.0  # the other threads of a crew wait for the bell, which the one that polls rings
STUCK_SECONDS = 600.0  # twice a job's lease: what takes longer is lost anyway
RESTART_SECONDS = 1.0
# Mail waits for the server, four times for each mail: from 50 ms away one connection takes 5 mails a second.
SENDERS = 8
THREADS = {Lane.ASKED: 2, Lane.RECURRING: 2, Lane.OUTSIDE: 4}
# SQLite has one writer, and its turns are not fair: with more threads a request waits until it is refused.
MOST_ON_SQLITE = 2

log = get_logger(__name__)


@dataclass(frozen=True)
class Crew:
    """Threads that do the same work. Each looks when `bell` rings; the first one also looks by itself."""

    name: str
    work: Callable[[], bool]
    bell: Bell
    threads: int


class Worker:
    """Works from `start` to `stop`. There may be several, in this process and in others.

    Whatever mails and jobs raise is noted as theirs. If a thread ends all the same, `at_death` is called: a process
    that only works should end, and be started again. Without it, as in a web process, which has others to serve, the
    thread begins again.
    """

    def __init__(self, at_death: Callable[[], None] | None = None) -> None:
        self._stopping = Event()
        self._at_death = at_death
        self._bells = [mail_bell, *BELLS.values()]
        self._turned_at: dict[str, float] = {}
        self._threads = list(self._hire())

    def _hire(self) -> Iterator[Thread]:
        crews = [Crew("mail", partial(outbox.send_due, self._stopping), mail_bell, SENDERS)]
        for lane, threads in THREADS.items():
            work = partial(job_runs.run_next, lane=lane)
            crews.append(Crew(f"{lane} jobs", work, BELLS[lane], threads))
        most = MOST_ON_SQLITE if get_settings().sqlite_file else max(SENDERS, *THREADS.values())
        for crew in crews:
            for number in range(min(crew.threads, most)):
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
        """Whether a thread has been at one thing for so long that nobody else waits for it any more."""
        long_ago = time.monotonic() - STUCK_SECONDS
        stuck = [name for name, turned_at in self._turned_at.items() if turned_at < long_ago]
        if stuck:
            log.critical("worker_stuck", threads=stuck)
        return bool(stuck)

    def stop(self, seconds: float) -> bool:
        """Finish what is in hand, for at most so long; what is cut off then comes back when its lease ends."""
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
                found = _schema_fits() and crew.work()
            except SQLAlchemyError as error:
                log.warning("worker_waits", reason=str(error))
            except Exception:
                log.exception("worker_failed")
            if not found and not self._stopping.is_set():
                crew.bell.wait(heard, wait)


def _schema_fits() -> bool:
    """As requests do, work waits until the database has been migrated."""
    if not gate.open and gate.due():
        with WorkerSession() as db:
            gate.check(db)
    return gate.open
