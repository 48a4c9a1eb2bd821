"""The headers of a request, read in one pass."""

import os
import re
from dataclasses import dataclass

from starlette.types import Scope

from app.platform.envelope.bounds import OF_EACH

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,128}")
ID_BYTES = 16
# Number of ids whose random bytes are read together. A system call takes longer than
# the rest of this module.
AT_ONCE = 256

_new_ids: list[bytes] = []


@dataclass(slots=True)
class RequestHead:
    """The facts that the envelope needs. If a header is repeated, its first value
    counts.
    """

    size: int = 0  # size of all headers, in bytes
    cookies: int = 0  # bytes
    has_backslash: bool = False  # whether a cookie contains a backslash
    hosts: int = 0
    host: bytes = b""
    origin: str | None = None
    asks_for_method: bool = False  # true only for a preflight
    has_body: bool = False
    request_id: bytes = b""

    @classmethod
    def of(cls, scope: Scope) -> "RequestHead":
        head = cls()
        for name, value in scope["headers"]:
            head.size += len(name) + len(value) + OF_EACH
            if name == b"host":
                head.hosts += 1
                head.host = head.host or value
            elif name == b"cookie":
                head.cookies += len(value)
                head.has_backslash = head.has_backslash or b"\\" in value
            elif name == b"origin" and head.origin is None:
                head.origin = value.decode("latin-1")
            elif name == b"access-control-request-method":
                head.asks_for_method = True
            elif name in (b"content-length", b"transfer-encoding"):
                head.has_body = True
            elif name == b"x-request-id":
                head.request_id = head.request_id or value
        return head

    def identify(self, scope: Scope) -> str:
        """Return the id of the request: the given id if it is valid, or a new one.

        A new id is also written into the headers of the request.
        """
        given = self.request_id
        if not REQUEST_ID.fullmatch(given):
            self.request_id = _new_id()
            others = [pair for pair in scope["headers"] if pair[0] != b"x-request-id"]
            scope["headers"] = [*others, (b"x-request-id", self.request_id)]
        return self.request_id.decode()


def _new_id() -> bytes:
    """Return a random id. Only the event loop's thread may call this function."""
    if not _new_ids:
        block = os.urandom(ID_BYTES * AT_ONCE).hex().encode()
        size = 2 * ID_BYTES
        _new_ids.extend(block[at : at + size] for at in range(0, len(block), size))
    return _new_ids.pop()
