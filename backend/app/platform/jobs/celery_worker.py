"""The Celery worker: runs jobs and sends mail when a message says that there is work.

The messages of each queue arrive at a desk (`desks`), which has its own threads.
Celery's beat runs in a thread of this process, and sends a message to each of these
queues every few seconds. These messages start recurring jobs and retries, and work
whose own message was lost. Each worker process may run a beat, because only the rows in
the database decide what runs.

If no message arrives for a while, the broker is down or does not deliver. The process
then works like a plain worker, which polls the database, until a message arrives again.
"""

import os
import signal
import socket
import time
from threading import Event, Thread
from typing import Any

from app.core.logging import get_logger
from app.platform.handover.celery_app import SWEEP_SECONDS, celery_app, queue_name
from app.platform.handover.messenger import tell_workers
from app.platform.monitoring import heartbeat

from .desks import Desk
from .worker_threads import Worker, crews

SILENT_SECONDS = 15.0
STEP_SECONDS = 1.0
GOODBYE_SECONDS = 5.0  # for Celery to leave the broker, once all work has ended

log = get_logger(__name__)


class CeleryWorker:
    """A Celery worker, and the threads that this process runs next to it."""

    def __init__(self, stop_seconds: float) -> None:
        self._stop_seconds = stop_seconds
        self._stopping = Event()
        self._dead = Event()
        self._left = Event()  # Celery has left the broker
        self._finished = False
        self._desks = [Desk(crew, self._stopping) for crew in crews(self._stopping)]
        self._plain: Worker | None = None

    def run(self) -> int:
        """Work until the process is told to end. Return its exit code."""
        app = celery_app()  # first, before other threads import Celery
        from celery import signals  # type: ignore[import-untyped]

        signals.setup_logging.connect(_keep_our_logging)
        signals.worker_shutting_down.connect(self._stop)
        for desk in self._desks:
            app.task(desk.look, name=queue_name(desk.crew.bell.queue))
        closing = Thread(target=self._close, name="closing", daemon=True)
        for thread in (
            closing,
            Thread(target=self._watch, name="watch", daemon=True),
            Thread(target=self._beat, name="beat", daemon=True),
        ):
            thread.start()
        log.info("worker_started", queues=[desk.crew.bell.queue for desk in self._desks])
        worker = app.Worker(
            pool="threads",
            # One thread more than the desks use, so that Celery can take a message even
            # while all desks are full.
            concurrency=1 + sum(desk.crew.threads for desk in self._desks),
            queues=[queue_name(desk.crew.bell.queue) for desk in self._desks],
            hostname=f"liftoff-{os.getpid()}@{socket.gethostname()}",
            quiet=True,
            without_mingle=True,
            without_gossip=True,
        )
        worker.start()
        self._left.set()
        self._stop()
        closing.join()
        return self._code if not worker.exitcode else 1

    @property
    def _code(self) -> int:
        return 0 if self._finished and not self._dead.is_set() else 1

    def _stop(self, **_: object) -> None:
        self._stopping.set()

    def _die(self) -> None:
        """End the process with exit code 1, so that its supervisor starts it again."""
        self._dead.set()
        os.kill(os.getpid(), signal.SIGTERM)

    def _beat(self) -> None:
        """Run Celery's beat until the process stops. If beat ends before, the process
        ends, too.
        """
        from celery.beat import Service  # type: ignore[import-untyped]

        try:
            queues = [desk.crew.bell.queue for desk in self._desks]
            Service(celery_app(), scheduler_cls=_scheduler(queues), remote_control=False).start()
        except BaseException:
            log.critical("beat_ended", exc_info=True)
        if not self._stopping.is_set():
            self._die()

    def _watch(self) -> None:
        """Record heartbeats, end a stuck process, and notice a silent broker."""
        shown_at = -heartbeat.BEAT_SECONDS
        while not self._stopping.wait(STEP_SECONDS):
            if any(desk.is_stuck() for desk in self._desks) or (
                self._plain and self._plain.is_stuck()
            ):
                log.critical("worker_stuck")
                self._die()
            elif time.monotonic() - shown_at >= heartbeat.BEAT_SECONDS:
                shown_at = time.monotonic()
                heartbeat.record_heartbeat()
            self._work_without_broker(since=max(desk.heard_at for desk in self._desks))

    def _work_without_broker(self, since: float) -> None:
        is_silent = time.monotonic() - since > SILENT_SECONDS
        if is_silent and not self._plain:
            log.warning("broker_silent", message="No message arrives. Work is found by polling.")
            self._plain = Worker(at_death=self._die)
            self._plain.start()
        elif not is_silent and self._plain:
            log.info("broker_heard_again")
            plain, self._plain = self._plain, None
            plain.stop(0)  # its threads end after their current work

    def _close(self) -> None:
        """Wait for the current work, then at most `GOODBYE_SECONDS` for Celery."""
        self._stopping.wait()
        log.info("worker_stopping")
        self._finished = self._wait_for_work()
        log.info("worker_stopped", finished=self._finished)
        if not self._left.wait(GOODBYE_SECONDS):
            os._exit(self._code)

    def _wait_for_work(self) -> bool:
        """Wait for the current work. Return whether it ended in time."""
        deadline = time.monotonic() + self._stop_seconds
        plain, self._plain = self._plain, None
        finished = plain.stop(self._stop_seconds) if plain else True
        while not all(desk.is_idle() for desk in self._desks):
            if time.monotonic() >= deadline:
                return False
            time.sleep(STEP_SECONDS / 20)
        return finished


def _keep_our_logging(**_: object) -> None:
    """Do nothing. If this function is connected, Celery does not set up logging."""


def _scheduler(queues: list[str]) -> Any:
    """Return the class that schedules beat's messages.

    The class is defined here, because its base class needs the import of Celery.
    """
    from celery.beat import Scheduler

    class Sweeper(Scheduler):  # type: ignore[misc]
        """Sends beat's messages through the messenger, which an unavailable broker does
        not block.

        The scheduler stores nothing on disk, because the rows know when they are due.
        """

        producer = None

        def setup_schedule(self) -> None:
            sweeps = {
                queue: {"task": queue_name(queue), "schedule": SWEEP_SECONDS} for queue in queues
            }
            self.update_from_dict(sweeps)

        def apply_async(self, entry: Any, **_: object) -> None:
            tell_workers(entry.name)

    return Sweeper
