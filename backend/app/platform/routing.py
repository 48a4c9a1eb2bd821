"""The router class of all features, which applies the rules that all routes share.

The handler of a route applies the rules, because only a handler has access to the
response while the transaction is still open. Middleware runs after the transaction has
ended, and a dependency never sees the bytes of the response. The docstring of `one_hop`
explains which parts run in a thread.

| Route | What the router adds |
|---|---|
| every route | strict input, documented errors, 422 for an unknown query parameter |
| `GET` with JSON, XML or a feed | a strong `ETag`, 304 for `If-None-Match` |
| `GET` with `@cached` | public responses are kept in memory (`app.platform.cache`) |
| `PUT`, `PATCH` of a resource | 412 `stale` for an old `If-Match`; new `ETag` |
| `POST` that returns 201 or 202 | `Idempotency-Key` |
| unsafe method, signed-in caller | 429 over `WRITES_PER_MINUTE` |
"""

import functools
import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, TypeVar, get_type_hints

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.params import Depends
from fastapi.routing import APIRoute, _effective_route_context_var
from pydantic_core import PydanticUndefined
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session, object_session

from app.db.database import admission
from app.platform.principal import current_viewer

from . import openapi_routes
from .cache.routes import through_cache
from .conditional import Stale, etag_of, matches_tag, revalidated
from .one_hop import Plan, plan_of, request_threads
from .reading import note_write, note_write_in_thread
from .requests import idempotency, query_rules
from .requests.strict_request import StrictRequest
from .requests.write_limit import limit_writes

# The maximum size of a request body, in bytes. A larger body gets 413.
SMALL_BODY = 16_000  # for routes that need no account
MAX_BODY = 256_000
LARGE_BODY = 1_000_000

# Responses of these types are completely in memory, so they can get an `ETag`.
REVALIDATED = {"application/json", "application/xml", "application/atom+xml"}
SAFE = {"GET", "HEAD", "OPTIONS"}  # RFC 9110, 9.2.1

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_request: ContextVar[Request] = ContextVar("request of this endpoint")


def answers_alike(endpoint: Endpoint) -> Endpoint:
    """Mark a route whose response is always the same.

    Its responses are not stored for an `Idempotency-Key`.
    """
    endpoint.answers_alike = True  # type: ignore[attr-defined]
    return endpoint


def never_limited(endpoint: Endpoint) -> Endpoint:
    """Mark a route that ends sessions, so that the limit on writes does not apply.

    Otherwise someone who stole a session could use up the limit, and the owner could
    not end the session.
    """
    endpoint.never_limited = True  # type: ignore[attr-defined]
    return endpoint


class Route(APIRoute):
    """A route that follows the rules in the table of this module.

    The route wraps the endpoint, which has the caller and the input, and the handler,
    which has the response.
    """

    strict_query = True

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        dependencies: list[Depends] | None = None,
        **options: Any,
    ) -> None:
        methods = set(options.get("methods") or ["GET"])
        hints = get_type_hints(endpoint)
        resource = next(
            (
                name
                for name, kind in hints.items()
                if name != "return" and kind is hints.get("return")
            ),
            None,
        )
        self.reads = "GET" in methods and (options.get("status_code") or 200) < 300  # noqa: PLR2004 - no redirect
        self.resource = resource if methods & {"PUT", "PATCH"} else None
        self.session = next((name for name, kind in hints.items() if kind is Session), None)
        self.creates = (
            "POST" in methods
            and options.get("status_code") in (201, 202)
            and self.session is not None
        )
        self.stores = self.creates and not hasattr(endpoint, "answers_alike")
        self.limited = not methods <= SAFE and not hasattr(endpoint, "never_limited")
        settle = [idempotency.SettleClaim] if self.stores else []
        # In a planned route, the plan does the work of this dependency.
        self.left_out = idempotency.SettleClaim.dependency if self.stores else None
        super().__init__(
            path, self._guarded(endpoint), dependencies=[*settle, *(dependencies or [])], **options
        )
        openapi_routes.describe_route(self, self._query_names())

    def _guarded(self, endpoint: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the endpoint in checks that run before it.

        The checks need the caller, the session, and the resource in its current state.
        """
        if inspect.iscoroutinefunction(endpoint):
            return self._limited(endpoint)
        if not (self.resource or self.creates or self.limited):
            return endpoint

        @functools.wraps(endpoint)
        def guarded(**arguments: Any) -> Any:
            request = _request.get()
            claim: idempotency.Claim | None = getattr(request.state, "claim", None)
            if claim and (repeated := claim.find(arguments[str(self.session)])):
                return repeated
            if self.limited:
                limit_writes(request)
            if self.resource and (if_match := request.headers.get("if-match")):
                self._require(if_match, arguments[self.resource])
            if claim:
                claim.begin()
            return endpoint(**arguments)

        return guarded

    def _limited(self, endpoint: Callable[..., Any]) -> Callable[..., Any]:
        if not self.limited:
            return endpoint

        @functools.wraps(endpoint)
        async def guarded(**arguments: Any) -> Any:
            await run_in_threadpool(limit_writes, _request.get())  # may call Redis
            return await endpoint(**arguments)

        return guarded

    def _require(self, if_match: str, resource: object) -> None:
        """Compare `If-Match` with the bytes that a `GET` would return now.

        The row is locked against other changes. Raises `Stale`.
        """
        db = object_session(resource)
        assert db
        assert self.response_field
        try:
            db.refresh(resource, with_for_update={"of": type(resource)})
        except InvalidRequestError:
            raise Stale from None  # the row was deleted after it was loaded
        current, errors = self.response_field.validate(resource, {}, loc=("response",))
        if errors or not matches_tag(
            if_match, etag_of(self.response_field.serialize_json(current))
        ):
            raise Stale

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        included = self._as_included()

        @functools.cache
        def planned() -> Plan | None:  # created at the first request, to keep startup fast
            return plan_of(included, left_out=self.left_out)

        known = self._query_names()
        form = bool(self.body_field and openapi_routes.is_form(self.body_field))
        json = bool(self.body_field and not form)

        async def handle(plain: Request) -> Response:
            if query := plain.scope["query_string"]:
                if known is not None:
                    query_rules.require_known(query, known)
                plain.scope["query_string"] = query_rules.without_empty(query)
            request = StrictRequest(plain.scope, plain.receive)
            await request.inspect(takes_json=json, takes_form=form)
            _request.set(request)
            if self.creates and (key := request.headers.get(idempotency.HEADER)) is not None:
                shown = idempotency.Claim(request, key, await request.body())
                request.state.claim = shown if self.stores else None
            plan = planned()
            if plan is None or not plan.is_for(request):
                response = await answer(request)
                await note_write_in_thread(request)
                if getattr(request.state, "claim", None):
                    return await run_in_threadpool(self._finish, request, response)
                return self._finish(request, response)
            body: Any = PydanticUndefined
            if (json or plan.uses_raw_body) and await request.body() and json:
                body = await request.json()
            if not plan.uses_database:
                return await run_in_threadpool(self._answer, plan, request, body)
            async with admission.slot():
                return await request_threads.run(self._answer, plan, request, body)

        policy = getattr(self.endpoint, "cached", None)
        return through_cache(self, policy, handle) if policy else handle

    def _answer(self, plan: Plan, request: Request, body: Any) -> Response:
        """Return the response to a request, from the first dependency to the commit."""
        committed = False
        try:
            response = plan.run(request, body, functools.partial(self._finish, request))
            committed = True
            note_write(request)
            return response
        finally:
            if self.stores:
                idempotency.settle(request, committed=committed)

    def _finish(self, request: Request, response: Response) -> Response:
        """Complete the response while the transaction is still open."""
        if self.reads:
            return _read(request, response)
        if self.resource and response.status_code == HTTPStatus.OK:
            response.headers["ETag"] = etag_of(bytes(response.body))
        claim: idempotency.Claim | None = getattr(request.state, "claim", None)
        if claim:
            claim.store(response)
        return response

    def _query_names(self) -> frozenset[str] | None:
        """Return the names that the query may contain, or `None` if any is allowed."""
        if not self.strict_query:
            return None
        return query_rules.names_of(self._as_included().dependant, self.openapi_extra)

    def _as_included(self) -> Any:
        """Return this route as its routers include it, for example with their
        dependencies.

        FastAPI keeps such additions in the effective context of a route, which is set
        while the handler is created.
        """
        context = _effective_route_context_var.get()
        return context if context and context.original_route is self else self


class LenientRoute(Route):
    """A route that ignores unknown query parameters.

    An outside service decides which parameters it sends to such a route.
    """

    strict_query = False


def _read(request: Request, response: Response) -> Response:
    """Set the cache headers of a response to a read.

    A public response may be stored, but must be revalidated each time. A user's
    response must not be stored.
    """
    response.headers.setdefault(
        "Cache-Control", "no-store" if current_viewer(request) else "no-cache"
    )
    response.headers.add_vary_header("Authorization")
    if response.status_code == 200 and response.media_type in REVALIDATED:  # noqa: PLR2004 - OK
        return revalidated(response, request.headers.get("if-none-match"))
    return response


class Router(APIRouter):
    """The router that a feature creates: `router = Router(prefix="/bookmarks")`.

    `body_limit` is in bytes and applies to all routes of the router. A single route can
    override it with `max_body_size`. With `strict_query=False`, the routes ignore
    unknown query parameters instead of responding with 422.
    """

    def __init__(
        self, *, body_limit: int = MAX_BODY, strict_query: bool = True, **options: Any
    ) -> None:
        kind = Route if strict_query else LenientRoute
        super().__init__(
            route_class=kind, max_body_size=body_limit, redirect_slashes=False, **options
        )
