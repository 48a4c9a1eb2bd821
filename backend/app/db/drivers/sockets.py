"""Checks without a round trip whether a peer has closed its connection."""

import select


def has_input(descriptor: int) -> bool:
    """Return whether the socket has data to read.

    On an idle connection, this nearly always means that the server has closed it.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
