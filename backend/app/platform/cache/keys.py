"""Decides under which key a response is kept, and which requests may get it.

A kept response depends on its URL alone. So a request with `Authorization` or with a
cookie is never answered from memory, and its response is never kept. All other requests
get the same public response.
"""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from .entries import Header, Key

# Later pages and searches have too many URLs to keep their responses.
SKIPPED = frozenset({"cursor", "offset", "q"})


def key_of(path: str, query: bytes) -> Key | None:
    """Return the key of a URL: its full path, and its parameters.

    The order of the parameters does not matter. The result is `None` if a parameter
    occurs twice, or if a name is escaped, because an escaped name could equal another
    name.
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
    """Return whether a query is a search or a request for a later page."""
    return bool(query) and any(
        name in SKIPPED for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    )


def is_public(headers: Iterable[Header]) -> bool:
    """Return whether a request has no header that could identify its sender."""
    return not any(name in (b"authorization", b"cookie") for name, _ in headers)
