"""`python -m app.worker` sends mail and runs jobs in a separate process.

Several worker processes may run. On SIGTERM, a worker finishes the work in progress and
exits. It exits with 1 if one of its threads has ended or is stuck, so that its
supervisor starts a new process.

With `--check`, the exit code tells whether a worker is alive in this container or on
this machine. This is meant for a container's health check.
"""

import signal
import sys
from threading import Event

from .platform.monitoring import heartbeat


def main() -> int:
    if "--check" in sys.argv[1:]:
        return heartbeat.check_heartbeat()
    return _work()


def _work() -> int:
    # Imported only now, because these imports take a second. `--check` runs every few
    # seconds and must not wait for them.
    from app.core.announcements import announce
    from app.core.config import get_settings
    from app.core.features import load_models
    from app.core.logging import configure_logging
    from app.platform.jobs.worker_threads import Worker
    from app.platform.mail.smtp_client import TOTAL_SECONDS

    from .platform import jobs

    configure_logging(get_settings())
    announce(get_settings())
    load_models()
    jobs.job_kinds()
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
    finished = worker.stop(TOTAL_SECONDS + 5)
    return 0 if finished and not dead.is_set() else 1


if __name__ == "__main__":
    sys.exit(main())
