"""The sockets of a server. `localhost` has two addresses, so it needs two sockets."""

import errno
import socket
import sys

LOCALHOST = "localhost"
# Browsers, Node and curl try ::1 first. If we used only one of the addresses, another
# program could be listening on the other address.
LOOPBACK = ("127.0.0.1", "::1")
HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}  # this machine has no such address


def addresses(host: str) -> tuple[str, ...]:
    """Return the addresses of HOST that exist on this machine."""
    return (
        tuple(a for a in LOOPBACK if a == LOOPBACK[0] or _is_here(a))
        if host == LOCALHOST
        else (host,)
    )


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind the sockets, without listening yet.

    Until the server listens, clients are refused immediately. If an address cannot be
    bound, the process exits with a one-line message.
    """
    bound = []
    for address in addresses(host):
        try:
            bound.append(_bound(address, port))
        except OSError as error:
            reason = str(error.strerror).partition(" (")[0]  # the address follows in parentheses
            sys.exit(
                f"The server cannot listen on PORT {port} of HOST {address}: {reason}. Free the "
                "port, or choose another."
            )
    return bound


def _bound(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    made.set_inheritable(True)
    return made


def _is_here(address: str) -> bool:
    try:
        _bound(address, 0).close()
    except OSError as error:
        if error.errno in HERE:
            return False
        raise
    return True
