"""Whether a port is free to serve on, and who has it."""

import errno
import socket

import psutil

from tools.console import Problem


def require_free(host: str, port: int, variable: str = "PORT") -> None:
    """`variable` is the setting of this port."""
    try:
        (family, kind, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: a port just left is free
            probe.bind(address)
    except OSError as error:
        raise Problem(_reason(error, host, port, variable)) from error


def _reason(error: OSError, host: str, port: int, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken{_holder(port)}. Stop that program or run: make dev {variable}={port + 1}"
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have. Run: make dev {variable}=8000"
    return f"HOST={host} is no address of this machine ({error.strerror}). Use 127.0.0.1, or 0.0.0.0 for all of them."


def _holder(port: int) -> str:
    """Its name where the system tells it: not every system does, and not of everybody's processes."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.pid]
        pids = [c.pid for c in listening if c.laddr and c.laddr.port == port]
        return f" by {psutil.Process(pids[0]).name()} (process {pids[0]})" if pids else ""
    except psutil.Error:
        return ""
