"""`python -m app.worker`: mail and jobs in a process of their own. Several may run; SIGTERM ends one in peace."""

import signal
import sys
from threading import Event

from app.core.announcements import announce
from app.core.config import get_settings
from app.core.features import load_models
from app.core.logging import configure_logging
from app.platform import jobs
from app.platform.gateway import TOTAL_SECONDS
from app.platform.worker import Worker


def main() -> int:
    configure_logging(get_settings())
    announce(get_settings())
    load_models()
    jobs.kinds()
    ended = Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: ended.set())
    worker = Worker()
    worker.start()
    ended.wait()
    return 0 if worker.stop(TOTAL_SECONDS + 5) else 1


if __name__ == "__main__":
    sys.exit(main())
