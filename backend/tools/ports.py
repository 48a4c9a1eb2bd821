"""Checks that ports are free.

The message names the process that uses a port, and suggests a free port.
"""

import errno
import socket
from dataclasses import dataclass

import psutil

from tools.console import Problem

LAST = 65_535


@dataclass(frozen=True)
class Wanted:
    """A port to listen on, at each of `hosts`.

    `variable` is the setting that contains the port number.
    """

    variable: str
    hosts: tuple[str, ...]
    port: int


def require_free(*wanted: Wanted) -> None:
    """Raise `Problem` if a server cannot listen on one of the ports.

    The message suggests free ports.
    """
    errors = [(one, error) for one in wanted if (error := _refusal(one.hosts, one.port))]
    for one, error in errors:
        if error.errno == errno.EACCES:
            raise Problem(
                f"You may not listen on port {one.port}. Run: make dev {one.variable}=8000"
            )
        if error.errno != errno.EADDRINUSE:
            raise Problem(
                f"HOST={one.hosts[0]} is not an address of this machine ({error.strerror}). Use "
                "127.0.0.1, or 0.0.0.0 for all addresses."
            )
    if errors:
        taken = ", ".join(f"port {one.port} is taken{_holder(one.port)}" for one, _ in errors)
        free = " ".join(f"{variable}={port}" for variable, port in _free_instead(wanted).items())
        raise Problem(
            f"{taken[0].upper()}{taken[1:]}. Stop whatever uses it, or run: make dev {free}"
        )


def _refusal(hosts: tuple[str, ...], port: int) -> OSError | None:
    for host in hosts:
        try:
            (family, kind, _, _, address), *_ = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
            with socket.socket(family, kind) as probe:
                # As in the server, a port that was just released counts as free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            return error
    return None


def _free_instead(wanted: tuple[Wanted, ...]) -> dict[str, int]:
    """Return a free port for each variable.

    A port that is already free stays in the suggested command, so the command works
    without changes.
    """
    given: dict[str, int] = {}
    for one in wanted:
        after = (port for port in range(one.port, LAST) if port not in given.values())
        given[one.variable] = next(port for port in after if _refusal(one.hosts, port) is None)
    return given


def _holder(port: int) -> str:
    """Return the name of the process that uses the port, or an empty string.

    Some systems do not reveal the name, or reveal it only for the user's own processes.
    """
    try:
        listening = [
            c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.pid
        ]
        pids = [c.pid for c in listening if c.laddr and c.laddr.port == port]
        return f" by {psutil.Process(pids[0]).name()} (process {pids[0]})" if pids else ""
    except psutil.Error:
        return ""
