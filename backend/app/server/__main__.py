"""`python -m app.server`: serve by the settings. With `--reload`, restart on every change of the code."""

import faulthandler
import signal
import sys
from importlib import import_module

import uvicorn

from app.core.announcements import announce_for_children
from app.core.config import BACKEND, Settings, get_settings
from app.core.features import BrokenFeature
from app.server import descriptors, metrics_listener, supervisor

KEEP_ALIVE_SECONDS = 75  # longer than the idle time-out of common load balancers, or they race us


def main() -> None:
    settings = get_settings()
    reload = "--reload" in sys.argv[1:]
    faulthandler.register(signal.SIGUSR1)  # writes to standard error what every thread is doing
    descriptors.raise_limit()
    try:
        descriptors.connections_allowed(settings)
    except descriptors.TooFewDescriptors as error:
        sys.exit(str(error))
    supervisor.install()
    with metrics_listener.shared_folder(settings, reload=reload):
        _serve(settings, reload=reload)


def _serve(settings: Settings, *, reload: bool) -> None:
    if not reload:  # that one waits for the file to be mended
        _try_start(settings)
    metrics_listener.listen(settings)
    if settings.web_concurrency > 1 and not reload:
        announce_for_children(settings)
    uvicorn.run(
        "app.main:app",
        host=settings.host,
        port=settings.port,
        workers=None if reload else settings.web_concurrency,
        reload=reload,
        reload_dirs=[str(BACKEND / "app")] if reload else None,
        http="app.server.connection:Connection",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the server would trust loopback; TRUSTED_PROXIES decides, in the application
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=3 if reload else supervisor.SHUTDOWN_SECONDS,  # a developer who saves a file waits
        timeout_worker_healthcheck=supervisor.HUNG_SECONDS,
    )


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
