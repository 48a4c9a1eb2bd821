"""The defence against DNS rebinding, and against forms on pages of other sites.

The simulator accepts the host names of this machine. In a staging deployment, it also
accepts the names in its settings, which the other containers use.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
REFUSAL = {
    "message": "The simulator answers only to its own host names, and only to its own pages.",
    "type": "invalid_request_error",
}


class Guard:
    """Refuse requests for a foreign host, and requests from pages of another origin
    (403).

    A host is foreign if it is neither loopback nor one of `names`.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...] = ()) -> None:
        self.app = app
        self.names = LOOPBACK | {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "")
            if (
                _name(host) not in self.names
                or headers.get("origin", f"http://{host}") != f"http://{host}"
            ):
                await JSONResponse({"error": REFUSAL}, 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
