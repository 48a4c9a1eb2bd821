"""The envelope of every request and response."""

import time

from asgi_correlation_id import correlation_id
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.config import Settings
from app.core.logging import get_logger
from app.db.errors import DatabaseUnavailable
from app.db.migrations import gate
from app.db.watching.tally import current
from app.platform import problems
from app.platform.envelope.bounds import lingering, refusal_of, without_backslashes
from app.platform.monitoring import health, metrics
from app.platform.monitoring.work import AS_GET, RequestTally, slow_after

from .cors import Cors
from .exchange import Exchange
from .hosts import Hosts
from .proxies import UndeclaredProxy, behind_proxies
from .record import record
from .request_head import RequestHead
from .response_headers import careful_headers

FROM_ROUTING = ("route", metrics.FOUND)  # keys of the scope that the metrics use

log = get_logger("app.problems")


class Envelope:
    """The steps of a request, from the outermost to the innermost.

    | Step | What it does |
    |---|---|
    | proxies | takes the client's address from trusted forwarding headers |
    | identity | gives the request an id, for logs and the response |
    | record | writes the access log and the metrics |
    | CORS | responds to preflights |
    | bounds | refuses oversized and unacceptable requests |
    | hosts | refuses unknown host names |
    | HEAD | serves `HEAD` as `GET` without the body |
    | schema | serves only health checks until the database is migrated |

    Every response has the same headers, whichever step produces it. An exception from
    the application becomes a 500.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._probes = f"{settings.api_prefix}/health/"
        self._slow_after = slow_after(settings.slow_statement_seconds)
        self._shows_timing = bool(settings.server_timing)
        self._patience = settings.database_pool_timeout
        self._added = careful_headers(hsts=settings.is_deployed)
        self._cors = Cors(app, settings)
        self._hosts = Hosts(self._serve, self._probes, settings.allowed_hosts)
        self._proxy = UndeclaredProxy(settings.trusted_proxies)
        self._behind_proxies = behind_proxies(self._enclose, settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http":
            self._proxy.notice(scope)
        await self._behind_proxies(scope, receive, send)

    async def _enclose(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = RequestHead.of(scope)
        request_id = head.identify(scope)
        correlation_id.set(request_id)
        if scope["type"] == "websocket":
            await self._hosts(scope, receive, send, head)
            return
        if head.has_body:
            receive, send = lingering(receive, send)
        preflight = scope["method"] == "OPTIONS" and head.origin and head.asks_for_method
        readable = None if preflight else self._cors.headers_for(head.origin)
        tally = RequestTally(scope, self._slow_after)
        current.set(tally)
        timed = tally if self._shows_timing else None
        exchange = Exchange(send, self._added, head.request_id, readable, timed)
        began = time.perf_counter()
        try:
            if preflight:
                answer = self._cors.preflight_response(Headers(scope=scope))
                await answer(scope, receive, exchange.send)
            else:
                await self._answer(scope, receive, exchange, head)
        finally:
            seconds = time.perf_counter() - began
            probe = scope["path"].startswith(self._probes)
            record(scope, exchange.status, seconds, tally, is_probe=probe)

    async def _answer(
        self, scope: Scope, receive: Receive, exchange: Exchange, head: RequestHead
    ) -> None:
        refusal = refusal_of(scope, head.size, head.cookies, head.hosts)
        try:
            if refusal:
                await refusal(scope, receive, exchange.send)
                return
            if head.has_backslash:
                scope["headers"] = without_backslashes(scope["headers"])
            if scope["method"] == "HEAD":
                await self._answer_head(scope, receive, exchange, head)
            else:
                await self._hosts(scope, receive, exchange.send, head)
        except ClientDisconnect:
            # The client disconnected, so a response is neither possible nor needed.
            return
        except BaseException as error:
            if problems.ends_the_process(error):
                raise
            log.exception("unhandled_error", path=scope["path"])
            if exchange.has_started:
                raise  # part of the response was sent, so the server must close the connection
            await problems.of_status(500)(scope, receive, exchange.send)

    async def _answer_head(
        self, scope: Scope, receive: Receive, exchange: Exchange, head: RequestHead
    ) -> None:
        """Serve `HEAD` as `GET` without a body (RFC 9110, 9.3.2).

        Monitors and caches send `HEAD`. No route needs to handle it.
        """
        exchange.is_bodiless = True
        # The scope is copied, because the server reads the method of the original scope
        # to decide what to send.
        scope[AS_GET] = asked = dict(scope, method="GET")
        try:
            await self._hosts(asked, receive, exchange.send, head)
        finally:
            scope.update({name: asked[name] for name in FROM_ROUTING if name in asked})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse all requests except health checks until the database is migrated.

        Code that uses tables of another version could write data that nobody can
        repair.
        """
        if not gate.open and scope["type"] == "http" and not scope["path"].startswith(self._probes):
            checks = await health.database.checks(self._patience)
            if not gate.open:
                unreachable = checks["database"] == "unreachable"
                refusal = DatabaseUnavailable() if unreachable else health.SchemaBehind()
                await problems.problem_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)
