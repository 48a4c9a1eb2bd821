"""`python -m app.worker`: mail and jobs in a process of their own. Several may run; SIGTERM ends one in peace.

It exits with 1 when one of its threads has ended or is stuck, so that whoever watches over it starts another one.
`--check` tells by its exit code whether a worker lives here: for the health check of a container.
"""

import signal
import sys
from threading import Event

from app.platform import heartbeat


def main() -> int:
    if "--check" in sys.argv[1:]:
        return heartbeat.check()
    return _work()


def _work() -> int:
    # Not for `--check`, which runs every few seconds: they take a second.
    from app.core.announcements import announce
    from app.core.config import get_settings
    from app.core.features import load_models
    from app.core.logging import configure_logging
    from app.platform import jobs
    from app.platform.gateway import TOTAL_SECONDS
    from app.platform.worker import Worker

    configure_logging(get_settings())
    announce(get_settings())
    load_models()
    jobs.kinds()
    ended, dead = Event(), Event()

    def die() -> None:
        dead.set()
        ended.set()

    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: ended.set())
    worker = Worker(at_death=die)
    worker.start()
    heartbeat.beat()
    while not ended.wait(heartbeat.BEAT_SECONDS):
        heartbeat.beat()
        if worker.is_stuck():
            die()
    finished = worker.stop(TOTAL_SECONDS + 5)
    return 0 if finished and not dead.is_set() else 1


if __name__ == "__main__":
    sys.exit(main())
