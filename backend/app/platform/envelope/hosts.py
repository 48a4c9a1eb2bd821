"""The host names under which the API is served."""

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from .request_head import RequestHead

REMEMBERED = 64  # accepted Host values to keep in memory; a pattern may accept any number of values


class Hosts:
    """Passes requests for the configured host names to the application, and refuses
    others.

    Health probes may use an IP address as the host, because their responses reveal
    nothing about users.
    """

    def __init__(self, app: ASGIApp, probes: str, allowed_hosts: list[str]) -> None:
        self._app = app
        self._probes = probes
        self._accepted: set[bytes] = set()
        self._check = TrustedHostMiddleware(self._accept, allowed_hosts, www_redirect=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send, head: RequestHead) -> None:
        probe = scope["type"] == "http" and scope["path"].startswith(self._probes)
        known = head.host in self._accepted
        await (self._app if probe or known else self._check)(scope, receive, send)

    async def _accept(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self._accepted) < REMEMBERED:
            self._accepted.update(value for name, value in scope["headers"] if name == b"host")
        await self._app(scope, receive, send)
