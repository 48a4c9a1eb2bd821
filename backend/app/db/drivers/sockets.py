"""Checks whether a peer has closed its connection, without a round trip."""

import select


def has_input(descriptor: int) -> bool:
    """Return whether the socket has data to read.

    If the connection is idle, this nearly always means that the server has closed the
    connection.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
