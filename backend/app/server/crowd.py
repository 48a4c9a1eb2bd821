"""The connections of one process.

A crowd closes the connections of clients that are too slow. When the crowd is full, it
closes idle connections to make room for new connections.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import Protocol

from app.core.logging import get_logger
from app.core.networks import limiter_key

WARN_EVERY = 60  # seconds between two warnings that the server is full

log = get_logger("app.server")


@dataclass(frozen=True)
class Limits:
    """Limits on the clients of one process. Times are in seconds."""

    connections: int
    # The maximum time for the head of a request, and the maximum time without progress
    # for a body or a response. The documentation promises at most 30 seconds.
    patience: float = 20
    # The minimum average speed at which a client must send a body and read a response,
    # in bytes per second.
    rate: int = 500
    head: int = 256_000  # maximum number of bytes stored until a head is complete
    check_seconds: float = 1  # between two checks of all connections


class Member(Protocol):
    """The methods that a crowd calls on a connection."""

    peer: str | None

    def is_evictable(self) -> bool: ...
    def require_progress(self) -> None: ...
    def evict(self) -> None: ...


class Crowd:
    """The connections of this process.

    One timer checks all connections once a second, so requests need no separate timers.
    Checking a connection takes a microsecond.
    """

    def __init__(self, limits: Limits, trusted: Sequence[str] = ()) -> None:
        self.limits = limits
        self.now = 0.0
        self._share = max(1, limits.connections // 2)
        self._trusted = [ip_network(network) for network in trusted]
        # Both dictionaries are in the order of eviction: the connection that has been
        # idle the longest comes first.
        self._unanswered: dict[Member, None] = {}
        self._answered: dict[Member, None] = {}
        self._of_peer: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._checked = self._warned = float("-inf")

    def __len__(self) -> int:
        return len(self._unanswered) + len(self._answered)

    def peer_of(self, client: tuple[str, int] | None) -> str | None:
        """Return the key of a client: its IPv4 address or IPv6 /64.

        The result is `None` for a trusted proxy or a Unix socket.
        """
        if client is None:
            return None
        address = ip_address(client[0])
        return (
            None if any(address in network for network in self._trusted) else limiter_key(client[0])
        )

    def admit(self, newcomer: Member) -> None:
        """Add a new connection. If there are too many connections, close the connection
        that has been idle the longest.

        One client may have at most half of all connections. If a client exceeds this
        limit, one of its own connections is closed, so it cannot evict other clients. A
        trusted proxy serves many clients, so only the total number limits it.
        """
        peer = newcomer.peer
        if peer is not None and self._of_peer[peer] >= self._share:
            room = self._make_room(newcomer, peer)
        else:
            room = len(self) < self.limits.connections or self._make_room(newcomer, None)
        if not room:
            newcomer.evict()
            return
        self._unanswered[newcomer] = None
        if peer is not None:
            self._of_peer[peer] += 1
        self._keep_looking()

    def forget(self, one: Member) -> None:
        if one not in self._unanswered and one not in self._answered:
            return
        self._unanswered.pop(one, None)
        self._answered.pop(one, None)
        if one.peer is not None:
            self._of_peer[one.peer] -= 1
            if not self._of_peer[one.peer]:
                del self._of_peer[one.peer]

    def members(self) -> tuple[Member, ...]:
        """Return all connections, in the order of eviction."""
        return (*self._unanswered, *self._answered)

    def has_answered(self, one: Member) -> None:
        """Record that this connection got a response.

        Other connections will be evicted before this connection.
        """
        if one in self._unanswered or one in self._answered:
            self._unanswered.pop(one, None)
            self._answered.pop(one, None)
            self._answered[one] = None

    def _make_room(self, newcomer: Member, peer: str | None) -> bool:
        """Evict the first connection that waits for its client.

        With `peer`, only connections of that peer are considered. Connections that have
        had no response yet are evicted first, then connections that are kept alive.
        Connections with a request in progress are not evicted.
        """
        self._warn(newcomer)
        for one in chain(self._unanswered, self._answered):
            if (peer is None or one.peer == peer) and one.is_evictable():
                self.forget(one)
                one.evict()
                return True
        return False

    def _warn(self, newcomer: Member) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._warned > WARN_EVERY:
            self._warned = now
            log.warning("connections_full", connections=len(self), client=newcomer.peer or "proxy")

    def _keep_looking(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._checked = loop.time()
            self._timer = loop.call_later(self.limits.check_seconds, self._check_all)

    def _check_all(self) -> None:
        loop = asyncio.get_running_loop()
        # The crowd's clock advances by at most two intervals between checks. If this
        # process was too busy to read from its clients, they did not cause the delay.
        self.now += min(loop.time() - self._checked, 2 * self.limits.check_seconds)
        self._timer = None
        for one in self.members():
            one.require_progress()
        if len(self):
            self._keep_looking()
