"""The middleware that sends kept responses, before the router is called.

This is the innermost middleware. So the checks of host names, CORS, security headers,
the request id, metrics and the log treat a kept response like any other response.
"""

import time

from starlette.types import ASGIApp, Receive, Scope, Send

from .callers import callers
from .entries import Entry, entries, send_entry
from .keys import key_of
from .watches import freshness


class CacheMiddleware:
    """Sends a kept response, or passes the request to the application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            now = time.monotonic()
            if now < freshness.until and (found := _find(scope, now)):
                entry, if_none_match = found
                scope["route"] = entry.route
                await send_entry(entry, if_none_match, send)
                return
        await self.app(scope, receive, send)


def _find(scope: Scope, now: float) -> tuple[Entry, bytes | None] | None:
    """Return the entry for a request, and the request's `If-None-Match`."""
    if_none_match = authorization = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization is not None:
                return None
            authorization = value
        elif name == b"if-none-match":
            if_none_match = value
        elif name == b"cookie":
            return None
    key = key_of(scope["path"], scope["query_string"])
    if key is None:
        return None
    if authorization is None:
        entry = entries.find(key, now)
    else:
        entry = callers.find(authorization, key, now)
    return (entry, if_none_match) if entry else None
