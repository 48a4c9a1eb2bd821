"""Limits on the headers, URL path and query string of every request.

`LingerMiddleware` makes sure that clients receive a refusal.
"""

from anyio import move_on_after
from fastapi import Response
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from app.core.errors import Unprocessable
from app.platform import problems

MAX_HEAD = 64_000  # bytes of path, query and headers; each header adds `OF_EACH`
OF_EACH = 32  # bytes, as in HTTP/2 (RFC 9113, 6.5.2); every header costs time
MAX_TARGET = 16_000  # bytes of path and query; a cursor has at most 4,000
MAX_COOKIES = 16_000  # bytes
MAX_PARAMETERS = 200  # per query string
# The server sets this key if it truncated the headers (`app/server/head.py`).
HEAD_TOO_LARGE = "liftoff.head_too_large"

Headers = list[tuple[bytes, bytes]]

LINGER_BYTES = 1_000_000
LINGER_SECONDS = 1.0


class TooManyParameters(Unprocessable):
    detail = f"A query must not have more than {MAX_PARAMETERS} parameters."


def refusal_of(scope: Scope, size: int, cookies: int, hosts: int) -> Response | None:
    """Return the refusal of an oversized or otherwise unacceptable request, or `None`.

    `size` is the size of all headers in bytes, and `cookies` is the size of the
    cookies. A request that names two hosts is refused, because a proxy in front of us
    may have used the other host (RFC 9112, 3.2).
    """
    query = scope["query_string"]
    target = len(scope["raw_path"] or b"") + len(query)
    too_large = target > MAX_TARGET or target + size > MAX_HEAD or cookies > MAX_COOKIES
    if too_large or HEAD_TOO_LARGE in scope.get("extensions", ()):
        return problems.of_status(431)
    if query.count(b"&") >= MAX_PARAMETERS:
        return problems.problem_response(TooManyParameters())
    if scope["method"] in ("TRACE", "CONNECT"):
        return problems.of_status(405, {"Allow": "GET, POST, PUT, PATCH, DELETE"})
    return problems.of_status(400) if hosts > 1 else None


def without_backslashes(headers: Headers) -> Headers:
    """Remove backslashes from all cookies. Our own cookies never contain any.

    FastAPI parses the cookies of every request. Before Python 3.11.10, the standard
    library needed quadratic time to unescape them (CVE-2024-7592). A cookie of 60 kB
    took 12 s.
    """
    return [
        (name, value.replace(b"\\", b"") if name == b"cookie" else value) for name, value in headers
    ]


def lingering(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Wrap `receive` and `send`, so that the rest of the body is read after a refusal.

    RFC 9112 (9.6) recommends this. If the server closed the connection immediately, the
    data that the client is still sending would reset the connection, and the client
    would lose the response.
    """
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

    return note, watch
