"""The listener on METRICS_PORT, which serves metrics.

There is only one listener, however many processes serve requests. The listener runs in
the serving process, or in the parent process if there are several serving processes.

The Prometheus client must not be imported before `shared_folder` is entered, because
the client decides during its import whether there are several processes.
"""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from app.core.config import Settings


@contextmanager
def shared_folder(settings: Settings, *, reload: bool) -> Iterator[None]:
    """Provide a folder for the counters, if other processes serve the requests."""
    several = settings.metrics_port is not None if reload else settings.web_concurrency > 1
    if not (several and settings.metrics_enabled) or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(
        prefix="liftoff-metrics-", ignore_cleanup_errors=True
    ) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def listen(settings: Settings) -> None:
    """If METRICS_PORT is set, listen on that port of HOST until this process ends.

    If the port is taken, exit.
    """
    if not (settings.metrics_enabled and settings.metrics_port):
        return
    from app.platform.monitoring import metrics

    host, port = settings.host, settings.metrics_port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # the address follows in parentheses
        sys.exit(
            f"The server cannot listen on METRICS_PORT: {reason}. Free the port, or choose another."
        )
    config = uvicorn.Config(
        metrics.metrics_application(),
        http="app.server.connection:SideConnection",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    Thread(
        target=uvicorn.Server(config).run, args=([listening],), name="metrics", daemon=True
    ).start()
