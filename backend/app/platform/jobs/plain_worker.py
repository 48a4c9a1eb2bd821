"""The plain worker: threads that find work in the database."""

import signal
from threading import Event

from app.platform.monitoring import heartbeat

from .worker_threads import Worker


def run_plain_worker(stop_seconds: float) -> int:
    """Work until the process is told to end. Return its exit code."""
    ended, dead = Event(), Event()

    def die() -> None:
        dead.set()
        ended.set()

    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: ended.set())
    worker = Worker(at_death=die)
    worker.start()
    heartbeat.record_heartbeat()
    while not ended.wait(heartbeat.BEAT_SECONDS):
        heartbeat.record_heartbeat()
        if worker.is_stuck():
            die()
    finished = worker.stop(stop_seconds)
    return 0 if finished and not dead.is_set() else 1
