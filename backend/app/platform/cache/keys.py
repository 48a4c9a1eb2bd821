"""Decides under which key a response is kept, and which requests may get it.

A kept response depends on its address alone. So a request with `Authorization` or any
cookie is never served from memory, and what it gets is never kept. The class of viewer
of all other requests is the public.
"""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from .entries import Header, Key

# Pages behind the first, and searches, are too many to keep.
SKIPPED = frozenset({"cursor", "offset", "q"})


def key_of(path: str, query: bytes) -> Key | None:
    """Return the key of an address: its path with every prefix, and its parameters.

    Their order does not matter, unless a parameter occurs twice. Then the result is
    `None`. So it is for an escaped name, which may be one of the others.
    """
    if not query:
        return path
    if b"&" not in query:
        return path, query
    parts = sorted(query.split(b"&"))
    names = [part.partition(b"=")[0] for part in parts]
    if len(set(names)) < len(names) or any(b"%" in name or b"+" in name for name in names):
        return None
    return path, b"&".join(parts)


def is_skipped(query: bytes) -> bool:
    """Whether this is a search or a page behind the first."""
    return bool(query) and any(
        name in SKIPPED for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    )


def is_public(headers: Iterable[Header]) -> bool:
    """Whether nothing in the request may identify its sender."""
    return not any(name in (b"authorization", b"cookie") for name, _ in headers)
