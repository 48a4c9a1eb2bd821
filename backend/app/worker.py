"""`python -m app.worker` sends mail and runs jobs in a separate process.

With `CELERY_BROKER_URL`, it is a Celery worker. Otherwise, it is a plain one, which
polls the database. Several worker processes may run. On SIGTERM, a worker finishes the
work in progress and exits. It exits with 1 if one of its threads has ended or is stuck,
so that its supervisor starts a new process.

With `--check`, the exit code tells whether a worker is alive in this container or on
this machine. This is meant for a container's health check.
"""

import sys

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
    from app.db.documents import close_documents
    from app.platform.jobs.plain_worker import run_plain_worker
    from app.platform.mail.smtp_client import TOTAL_SECONDS

    from .platform import jobs
    from .platform.monitoring.tracing import tracing

    settings = get_settings()
    configure_logging(settings)
    announce(settings)
    load_models()
    jobs.job_kinds()
    stop_seconds = TOTAL_SECONDS + 5
    with tracing("liftoff worker"):
        if settings.celery_broker_url:
            from app.platform.jobs.celery_worker import CeleryWorker

            code = CeleryWorker(stop_seconds).run()
        else:
            code = run_plain_worker(stop_seconds)
    close_documents()
    return code


if __name__ == "__main__":
    sys.exit(main())
