"""Metrics on METRICS_PORT: one listener however many processes serve, in the only one of them or in their parent.

Nothing here imports Prometheus' client before `shared_folder` has been entered: at its import it decides for good
whether there are several processes.
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
    """Make a folder to count in, while others than the process that is asked for metrics serve."""
    several = settings.metrics_port is not None if reload else settings.web_concurrency > 1
    if not (several and settings.metrics_enabled) or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="liftoff-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def listen(settings: Settings) -> None:
    """Answer on METRICS_PORT of HOST, if there is one, until this process ends. Ends it if the port is not free."""
    if not (settings.metrics_enabled and settings.metrics_port):
        return
    from app.platform import metrics

    host, port = settings.host, settings.metrics_port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # behind it stands the address
        sys.exit(f"METRICS_PORT cannot be listened on: {reason}. Free it, or choose another.")
    config = uvicorn.Config(
        metrics.listener(),
        http="app.server.connection:SideConnection",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    Thread(target=uvicorn.Server(config).run, args=([listening],), name="metrics", daemon=True).start()
