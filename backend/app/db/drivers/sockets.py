"""Asks a socket whether its peer has hung up, without a round trip."""

import select


def has_input(descriptor: int) -> bool:
    """Whether there is something to read.

    On an idle connection that is the goodbye of the server, nearly always.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
