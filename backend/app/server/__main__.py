"""`python -m app.server` serves the application according to the settings.

With `--reload`, the server restarts after every change to the code.
"""

import faulthandler
import signal
import sys
from contextlib import suppress
from importlib import import_module
from socket import socket

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from app.core.announcements import announce_for_children
from app.core.config import Settings, get_settings
from app.core.features import BrokenFeature
from app.core.logging import configure_logging
from app.server import descriptors, listening, metrics_listener, reloader, supervisor
from app.server.draining import DrainingServer

# This is longer than the idle timeout of common load balancers. With a shorter time, a
# load balancer could send a request on a connection that we are closing.
KEEP_ALIVE_SECONDS = 75


def main() -> None:
    settings = get_settings()
    reload = "--reload" in sys.argv[1:]
    _prepare(settings)
    supervisor.install()
    with metrics_listener.shared_folder(settings, reload=reload):
        if not reload:  # with --reload, the server waits until the file is fixed
            _try_start(settings)
        metrics_listener.listen(settings)
        sockets = listening.bind(settings.host, settings.port)
        if reload:
            configure_logging(settings)
            reloader.run(sockets)
        else:
            _serve(settings, sockets)


def serve_one(sockets: list[socket]) -> None:
    """Serve the reloader's sockets in this process.

    The process shuts down quickly, because a developer who has saved a file is waiting.
    """
    settings = get_settings()
    _prepare(settings)
    _run(_config(settings, end_seconds=3), sockets)


def _prepare(settings: Settings) -> None:
    faulthandler.register(signal.SIGUSR1)  # on this signal, print what every thread is doing
    descriptors.raise_limit()
    try:
        descriptors.connections_allowed(settings)
    except descriptors.TooFewDescriptors as error:
        sys.exit(str(error))


def _serve(settings: Settings, sockets: list[socket]) -> None:
    config = _config(
        settings, end_seconds=supervisor.SHUTDOWN_SECONDS, processes=settings.web_concurrency
    )
    if settings.web_concurrency == 1:
        _run(config, sockets)
        return
    announce_for_children(settings)
    with suppress(KeyboardInterrupt):
        supervisor.Supervisor(config, sockets).run()


def _run(config: uvicorn.Config, sockets: list[socket]) -> None:
    server = DrainingServer(config)
    with suppress(KeyboardInterrupt):
        server.run(sockets=sockets)
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _config(settings: Settings, *, end_seconds: int, processes: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        "app.server.application:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=processes,
        http="app.server.connection:Connection",
        ws="none",
        log_config=None,
        access_log=False,
        # By default, uvicorn trusts proxies on loopback. Here, TRUSTED_PROXIES names
        # the trusted proxies, and the application applies the setting.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=end_seconds,
        timeout_worker_healthcheck=supervisor.HUNG_SECONDS,
    )


def _try_start(settings: Settings) -> None:
    """Exit with a one-line message if no process could serve.

    With several processes, uvicorn would keep replacing processes that fail at startup.
    uvicorn would also exit with 0 after such a failure. The serving processes are
    separate programs, so they inherit no connection from this process.
    """
    try:
        # Before this import, the metrics must know whether there are several processes.
        import_module("app.main")
    except BrokenFeature as error:
        sys.exit(" ".join(str(error).split()))
    # This import creates the connection pools. The reloader's process, which never
    # calls this function, must not have them.
    from app.db.capacity import TooSmall, check_capacity
    from app.db.database import SideSession

    try:
        check_capacity(settings)
    except TooSmall as error:
        sys.exit(str(error))
    SideSession.kw["bind"].dispose()


if __name__ == "__main__":
    main()
