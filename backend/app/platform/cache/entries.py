"""Rendered responses in the memory of this process, bounded in number and size.

The least recently used entry is removed first. So a stranger who requests many URLs
displaces only entries that few other clients request. All methods run on the event
loop, in one thread.
"""

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from starlette.types import Send

from app.platform.conditional import matches_tag

from .watches import Watch

Header = tuple[bytes, bytes]
Key = Hashable

MOST = 1_000
MOST_BYTES = 16_000_000
OVERHEAD = 1_000  # bytes per entry, besides the body
# A large entry must not push all other entries out of the cache.
LARGEST = MOST_BYTES // 8


@dataclass(slots=True, eq=False)
class Entry:
    """A response as it was first sent, and the time until which it is valid."""

    body: bytes
    headers: tuple[Header, ...]
    etag: bytes
    unchanged: tuple[Header, ...]
    """The headers of a response with status 304."""
    watch: Watch
    version: int
    until: float
    route: object
    size: int = 0

    def __post_init__(self) -> None:
        self.size = len(self.body) + OVERHEAD

    def is_valid(self, now: float) -> bool:
        return self.version == self.watch.version and now < self.until

    def is_known(self, if_none_match: bytes) -> bool:
        """Return whether the client already has this body."""
        return if_none_match == self.etag or matches_tag(
            if_none_match.decode("latin-1"), self.etag.decode()
        )


class Entries:
    """The entries of this process, by their keys."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self.bytes = 0
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Key, now: float) -> Entry | None:
        """Return the entry of this key if it is valid, and remove an outdated entry."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.version == entry.watch.version and now < entry.until:
            self._entries.move_to_end(key)
            self.hits += 1
            return entry
        self.remove(key)
        return None

    def keep(self, key: Key, entry: Entry) -> None:
        """Store an entry, unless it is too large or already outdated."""
        if entry.size > LARGEST or not entry.is_valid(time.monotonic()):
            return
        self.remove(key)
        self._entries[key] = entry
        self.bytes += entry.size
        while len(self._entries) > self._most or self.bytes > self._most_bytes:
            self.remove(next(iter(self._entries)))

    def remove(self, key: Key) -> None:
        if gone := self._entries.pop(key, None):
            self.bytes -= gone.size

    def clear(self) -> None:
        self._entries.clear()
        self.bytes = 0


entries = Entries()
"""The public responses of this process."""


async def send_entry(entry: Entry, if_none_match: bytes | None, send: Send) -> None:
    """Send an entry, or 304 if the client already has it."""
    known = if_none_match is not None and entry.is_known(if_none_match)
    headers = entry.unchanged if known else entry.headers
    status = 304 if known else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if known else entry.body})
