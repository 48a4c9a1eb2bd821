"""The middlewares that every request and response passes, from the outside in.

They are pure ASGI. They neither buffer nor block.
"""

import re
import time
from collections.abc import Iterator
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Any

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.config import Settings
from app.core.logging import get_logger
from app.db.errors import DatabaseUnavailable
from app.db.migrations import gate

from . import health, metrics, problems
from .bounds import GuardMiddleware, LingerMiddleware
from .cache.layer import CacheMiddleware

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
# The headers that pages may send: those of the contract, and those that common
# libraries add to each request.
ACCEPTED = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Request-ID",
]
ACCEPTED += ["X-Requested-With", "traceparent", "tracestate", "baggage", "sentry-trace"]
EXPOSED = [
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
]
EXPOSED += ["Retry-After", "X-Request-ID"]
MAX_NAMED = 10  # refused headers in one response
SHOWN = re.compile(r"[!#$%&'*+.:/^_`|~0-9A-Za-z\[\]-]{1,100}")

access = get_logger("app.access")
log = get_logger(__name__)


def stack(settings: Settings) -> list[Middleware]:
    """Return the middlewares in the order in which a request meets them."""
    return [
        Middleware(LingerMiddleware),
        Middleware(UndeclaredProxyMiddleware, declared=settings.trusted_proxies),
        *_proxies(settings),
        Middleware(
            CorrelationIdMiddleware, validator=lambda given: bool(REQUEST_ID.fullmatch(given))
        ),
        Middleware(ObserveMiddleware, quiet=f"{settings.api_prefix}/health/"),
        Middleware(SecurityHeadersMiddleware, hsts=settings.is_deployed),
        Middleware(
            Cors,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[*ACCEPTED, *settings.cors_headers],
            expose_headers=EXPOSED,
        ),
        Middleware(problems.ProblemMiddleware),
        Middleware(GuardMiddleware),
        Middleware(
            Hosts, probes=f"{settings.api_prefix}/health/", allowed_hosts=settings.allowed_hosts
        ),
        Middleware(HeadMiddleware),
        Middleware(
            SchemaMiddleware,
            always=f"{settings.api_prefix}/health/",
            patience=settings.database_pool_timeout,
        ),
        Middleware(CacheMiddleware),
    ]


def _proxies(settings: Settings) -> list[Middleware]:
    """Return the middleware that reads forwarding headers, but only if a proxy is
    trusted.
    """
    if not settings.trusted_proxies:
        return []
    # This import loads the whole server.
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    return [Middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies)]


class UndeclaredProxyMiddleware:
    """Warns once per process about an X-Forwarded-For header that is not trusted.

    Otherwise nobody notices a proxy that is missing from TRUSTED_PROXIES. Everything
    works until the limits that all its visitors share are used up. Anyone can send the
    header, so it proves nothing and deserves only a single line.
    """

    def __init__(self, app: ASGIApp, declared: list[str]) -> None:
        self.app = app
        self.declared = [ip_network(one) for one in declared]
        self.is_silent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            not self.is_silent
            and scope["type"] == "http"
            and "x-forwarded-for" in Headers(scope=scope)
        ):
            peer = scope["client"][0] if scope.get("client") else None
            if not self._is_declared(peer):
                self.is_silent = True
                log.warning(
                    "forwarded_for_ignored",
                    peer=peer,
                    message="X-Forwarded-For came from a peer that is not in TRUSTED_PROXIES, so "
                    "it was ignored. If this peer is your proxy, add it. Until then all its "
                    "visitors share one address.",
                )
        await self.app(scope, receive, send)

    def _is_declared(self, peer: str | None) -> bool:
        try:
            address = ip_address(peer or "")
        except ValueError:
            return False
        return any(address in network for network in self.declared)


class Cors(CORSMiddleware):
    """CORS for the configured origins only. A refused preflight is a problem like any
    other error.
    """

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Treat an unknown origin like no origin.

        Otherwise the response would still carry the CORS headers that do not name an
        origin.
        """
        known = self.is_allowed_origin(request_headers.get("origin", ""))
        await super().send(message, send, request_headers if known else Headers())

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        detail = " ".join(self._refusals(request_headers))
        # A page cannot read the response, but its developer can read the log.
        log.info("cors_refused", reason=detail)
        kept = {} if self._is_foreign(request_headers) else self.preflight_headers
        return problems.render(
            response.status_code, "cors_refused", detail, headers={"Vary": "Origin", **kept}
        )

    def _is_foreign(self, request_headers: Headers) -> bool:
        return not self.is_allowed_origin(request_headers["origin"])

    def _refusals(self, request_headers: Headers) -> Iterator[str]:
        """Describe each refused part of the request, and name the setting that would
        allow it.
        """
        if self._is_foreign(request_headers):
            yield f"The origin {_shown(request_headers['origin'])} is not listed in CORS_ORIGINS."
        method = request_headers["access-control-request-method"]
        if method not in self.allow_methods:
            yield f"The method {_shown(method)} is not one of {', '.join(self.allow_methods)}."
        asked = request_headers.get("access-control-request-headers")
        headers = [] if asked is None else [header.strip() for header in asked.split(",")]
        refused = [header for header in headers if header.lower() not in self.allow_headers]
        if refused:
            names = ", ".join(_shown(header) for header in refused[:MAX_NAMED])
            yield f"These request headers are not allowed: {names}. Add them to CORS_HEADERS."
        if "access-control-request-private-network" in request_headers:
            yield "Access from a public page to a private network is not allowed."


def _shown(value: str) -> str:
    """Return a value that a client sent if it could be an origin, a method or a header.
    Responses repeat no other input.
    """
    return value if SHOWN.fullmatch(value) else "?"


class Hosts(TrustedHostMiddleware):
    """Serves requests for the configured host names only.

    Health probes may use an address, because their responses reveal nothing about
    users. A request that names two hosts is refused: a proxy in front of us may have
    read the other one (RFC 9112, 3.2).
    """

    def __init__(self, app: ASGIApp, probes: str, allowed_hosts: list[str]) -> None:
        super().__init__(app, allowed_hosts=allowed_hosts, www_redirect=False)
        self.probes = probes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and sum(name == b"host" for name, _ in scope["headers"]) > 1:
            await problems.of_status(400)(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(self.probes):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class ObserveMiddleware:
    """Logs and measures each request.

    The query string is left out, because it may contain tokens.
    """

    def __init__(self, app: ASGIApp, quiet: str) -> None:
        self.app = app
        self.quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 499  # nginx's status for a client that disconnected

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            seconds = time.perf_counter() - started
            metrics.observe(scope, status, seconds)
            write = access.debug if scope["path"].startswith(self.quiet) else access.info
            client = scope["client"][0] if scope.get("client") else None
            facts: dict[str, Any] = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
            }
            write("request", **facts, milliseconds=round(seconds * 1000, 1), client=client)


class SecurityHeadersMiddleware:
    """Adds headers that tell a browser to be careful (ASVS 3.4). A route that serves a
    page sets its own policy.
    """

    def __init__(self, app: ASGIApp, *, hsts: bool) -> None:
        self.app = app
        self.defaults = {
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            # Other sites may use us through CORS, but not embed us.
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        if hsts:
            self.defaults["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.defaults.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, add if scope["type"] == "http" else send)


class HeadMiddleware:
    """Serves `HEAD` as `GET` without a body (RFC 9110, 9.3.2).

    Monitors and caches send `HEAD`, and routes need not know about it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def bodiless(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        # This is a copy, because the server reads its own scope to decide what to send.
        asked = dict(scope, method="GET")
        try:
            await self.app(asked, receive, bodiless)
        finally:
            scope["route"] = asked.get("route")  # the metrics use it


class SchemaMiddleware:
    """Refuses all requests but health checks until the database has been migrated.

    Code that runs on tables it does not know would write data that nobody can repair.
    """

    def __init__(self, app: ASGIApp, always: str, patience: float) -> None:
        self.app = app
        self.always = always
        self.patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not gate.open and not scope["path"].startswith(self.always):
            checks = await health.database.checks(self.patience)
            if not gate.open:
                unreachable = checks["database"] == "unreachable"
                refusal = DatabaseUnavailable() if unreachable else health.SchemaBehind()
                await problems.of(refusal)(scope, receive, send)
                return
        await self.app(scope, receive, send)
