"""`python -m app.server`: serve by the settings. With `--reload`, restart on every change of the code."""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Thread

import uvicorn

from app.core.announcements import announce_for_children
from app.core.config import BACKEND, Settings, get_settings
from app.core.features import BrokenFeature

SHUTDOWN_SECONDS = 30  # for requests in flight; a developer who saves a file waits 3
KEEP_ALIVE_SECONDS = 75  # longer than the idle time-out of common load balancers, or they race us


def main() -> None:
    settings = get_settings()
    reload = "--reload" in sys.argv[1:]
    with _shared_metrics(settings, reload=reload):
        _serve(settings, reload=reload)


def _serve(settings: Settings, *, reload: bool) -> None:
    if not reload:  # that one waits for the file to be mended
        _try_start(settings)
    if settings.metrics_enabled and settings.metrics_port:
        _listen_for_metrics(settings.host, settings.metrics_port)
    if settings.web_concurrency > 1 and not reload:
        announce_for_children(settings)
    uvicorn.run(
        "app.main:app",
        host=settings.host,
        port=settings.port,
        workers=None if reload else settings.web_concurrency,
        reload=reload,
        reload_dirs=[str(BACKEND / "app")] if reload else None,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the server would trust loopback; TRUSTED_PROXIES decides, in the application
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=3 if reload else SHUTDOWN_SECONDS,
    )


@contextmanager
def _shared_metrics(settings: Settings, *, reload: bool) -> Iterator[None]:
    """A folder to count in, for as long as others than the process that is asked for metrics serve."""
    several = settings.metrics_port is not None if reload else settings.web_concurrency > 1
    if not (several and settings.metrics_enabled) or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="liftoff-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _listen_for_metrics(host: str, port: int) -> None:
    """One listener however many processes serve: in the first of them, or in their parent."""
    from app.platform import metrics  # not before it knows that there are several processes

    config = uvicorn.Config(
        metrics.listener(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
    except OSError as error:
        sys.exit(f"METRICS_PORT cannot be listened on: {error.strerror}. Free it, or choose another.")
    Thread(target=uvicorn.Server(config).run, args=([listening],), name="metrics", daemon=True).start()


def _try_start(settings: Settings) -> None:
    """End with one line where no process could serve. Of several, uvicorn would replace each that fails at once by the
    next, for ever, and would end with 0 after one that fails while it starts.

    They are programs of their own: no connection of this one becomes theirs.
    """
    try:
        import_module("app.main")  # not before its metrics know that there are several processes
    except BrokenFeature as error:
        sys.exit(" ".join(str(error).split()))
    from app.db.capacity import TooSmall, check_capacity  # makes the pools: not in the parent of a reload
    from app.db.database import SideSession

    try:
        check_capacity(settings)
    except TooSmall as error:
        sys.exit(str(error))
    SideSession.kw["bind"].dispose()


if __name__ == "__main__":
    main()
