"""Keeps web pages of others out: the simulator answers nobody but this machine (DNS rebinding, cross-site forms)."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
REFUSAL = {
    "message": "The simulator answers this machine alone, and no pages but its own.",
    "type": "invalid_request_error",
}


class Guard:
    """403 for a Host that is not loopback, and for a request that a page of another origin sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "")
            if _name(host) not in LOOPBACK or headers.get("origin", f"http://{host}") != f"http://{host}":
                await JSONResponse({"error": REFUSAL}, 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
