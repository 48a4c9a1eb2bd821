"""Limits on the headers, address and query of every request.

`LingerMiddleware` makes sure that clients receive a refusal.
"""

from collections.abc import Callable
from typing import Any

from anyio import move_on_after
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Unprocessable

from . import problems

MAX_HEAD = 64_000  # bytes of the path, the query and all headers; each header counts `OF_EACH` more
OF_EACH = 32  # as in HTTP/2 (RFC 9113, 6.5.2), because every header costs time
MAX_TARGET = 16_000  # bytes of path and query; a cursor has at most 4,000
MAX_COOKIES = 16_000  # bytes
MAX_PARAMETERS = 200  # of a query
# The server sets this key if it truncated the headers (`app/server/head.py`).
HEAD_TOO_LARGE = "liftoff.head_too_large"

LINGER_BYTES = 1_000_000
LINGER_SECONDS = 1.0


class TooManyParameters(Unprocessable):
    detail = f"A query must not have more than {MAX_PARAMETERS} parameters."


class GuardMiddleware:
    """Middleware that refuses oversized requests, TRACE and CONNECT."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Callable[..., Any] = self.app
        if scope["type"] == "http":
            if _is_head_too_large(scope):
                answer = problems.of_status(431)
            elif scope["query_string"].count(b"&") >= MAX_PARAMETERS:
                answer = problems.of(TooManyParameters())
            elif scope["method"] in ("TRACE", "CONNECT"):
                answer = problems.of_status(405, {"Allow": "GET, POST, PUT, PATCH, DELETE"})
            else:
                scope = _with_plain_cookies(scope)
        await answer(scope, receive, send)


def _is_head_too_large(scope: Scope) -> bool:
    if HEAD_TOO_LARGE in scope.get("extensions", {}):
        return True
    target = len(scope["raw_path"] or b"") + len(scope["query_string"])
    size = target + sum(len(name) + len(value) + OF_EACH for name, value in scope["headers"])
    cookies = sum(len(value) for name, value in scope["headers"] if name == b"cookie")
    return target > MAX_TARGET or size > MAX_HEAD or cookies > MAX_COOKIES


def _with_plain_cookies(scope: Scope) -> Scope:
    """Remove backslashes from cookies. Our own cookies never contain any.

    FastAPI parses the cookies of every request. Before Python 3.11.10, the standard
    library needed quadratic time to unescape them (CVE-2024-7592). A cookie of 60 kB
    took 12 s.
    """
    if not any(name == b"cookie" and b"\\" in value for name, value in scope["headers"]):
        return scope
    headers = [
        (name, value.replace(b"\\", b"") if name == b"cookie" else value)
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers}


class LingerMiddleware:
    """Middleware that reads the rest of a body after the request was refused.

    RFC 9112 (9.6) recommends this. If the connection were closed at once, the data that
    the client is still sending would reset it, and the client would lose the response.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        whole = refused = False

        async def note() -> Message:
            nonlocal whole
            message = await receive()
            whole = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        async def read_on() -> None:
            left = LINGER_BYTES
            with move_on_after(LINGER_SECONDS):
                while not whole and left > 0:
                    left -= len((await note()).get("body", b""))

        async def watch(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = not whole and message["status"] >= 400  # noqa: PLR2004 - where errors begin
                if refused:
                    MutableHeaders(scope=message)["Connection"] = "close"
            elif refused and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await read_on()
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self.app(scope, note, watch)


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
