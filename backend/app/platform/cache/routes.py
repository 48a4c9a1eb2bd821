"""`@cached` keeps responses of a route, and computes each only once for all waiting
clients.

    @router.get("/{post_id}", response_model=PostRead)
    @cached(Post, User.username)
    def get_post(post: VisiblePost) -> Post: ...

The decorator names the tables on which the response depends, or only columns of a table
if new rows do not matter. A change to one of these tables or columns makes the response
outdated. This process stops using an outdated response before the writer gets a
response, and other processes stop within a second. Only a public response with status
200 and an `ETag` is kept, and only if it sets no cookie.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from app.core.config import get_settings
from app.core.errors import Unavailable
from app.platform.conditional import revalidated
from app.platform.principal import current_viewer
from app.platform.reading import need_changes_before

from . import shared
from .callers import callers, digest_of
from .entries import Entries, Entry, Key, entries, send_entry
from .keys import is_public, is_skipped, key_of
from .watches import Due, Watch, Watched, freshness

SECONDS = 60.0  # after this time, changes that bypass the application are visible, too
VARY = {"authorization", "origin"}
KEPT_FOR_304 = {b"cache-control", b"vary", b"etag"}
# Errors that all waiting requests get. If these requests tried again, they would only
# wait longer and find the same service unavailable.
FOR_ALL = (Unavailable, SQLAlchemyError)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True)
class Public:
    """The rules for keeping the public responses of a route."""

    watch: Watch
    seconds: float
    entries: Entries = entries

    def key(self, scope: Scope) -> Key | None:
        if not (get_settings().cache_enabled and is_public(scope["headers"])):
            return None
        query = scope["query_string"]
        return None if is_skipped(query) else key_of(scope["path"], query)

    def until(self, request: Request, response: Response, began: float) -> float | None:
        """Return the time until which a response may be kept, or `None`."""
        control = response.headers.get("cache-control", "")
        is_private = "no-store" in control or "private" in control
        return None if current_viewer(request) or is_private else began + self.seconds


@dataclass(frozen=True)
class ForCaller:
    """The rules for keeping responses to one caller.

    A response is kept for as long as the caller's identity is (IDENTITY_CACHE_SECONDS).
    """

    watch: Watch
    entries: Entries = callers.entries

    def key(self, scope: Scope) -> Key | None:
        if not get_settings().identity_cache_seconds:
            return None
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        key = key_of(scope["path"], scope["query_string"])
        return (digest_of(sent[0]), key) if len(sent) == 1 and isinstance(key, str) else None

    def until(self, request: Request, _response: Response, _began: float) -> float | None:
        until: float | None = getattr(request.state, "identity_until", None)
        return until


Policy = Public | ForCaller


def cached(
    *watched: Watched, due: Due | None = None, seconds: float = SECONDS
) -> Callable[[Endpoint], Endpoint]:
    """Keep the public responses of a route until one of `watched` changes.

    The response may depend only on `watched`, on its URL, and on the time. With `due`,
    a response also becomes outdated when a row becomes due (see `Watch`). A response is
    kept for at most `seconds`.
    """
    policy = Public(Watch(*watched, due=due), seconds)

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.cached = policy  # type: ignore[attr-defined]
        return endpoint

    return mark


def cached_for_caller(watch: Watch) -> Callable[[Endpoint], Endpoint]:
    """Keep the responses to each caller while the caller's identity is kept."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.cached = ForCaller(watch)  # type: ignore[attr-defined]
        return endpoint

    return mark


class Kept(Response):
    """A response that is sent from an entry."""

    def __init__(self, entry: Entry, if_none_match: bytes | None) -> None:
        super().__init__(entry.body)
        self.raw_headers = list(entry.headers)
        self._entry, self._if_none_match = entry, if_none_match

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send_entry(self._entry, self._if_none_match, send)


@dataclass
class Flight:
    """A computation of a response, and the requests that wait for it."""

    version: int
    result: asyncio.Future[Entry | None]


_flights: dict[Key, Flight] = {}


def through_cache(route: Any, policy: Policy, handle: Handler) -> Handler:
    """Return the handler of a cached route.

    `layer` has already searched for a kept response.
    """

    async def answer(request: Request) -> Response:
        key = policy.key(request.scope) if freshness.ok else None
        if key is None:
            return await handle(request)
        policy.entries.misses += 1
        flight = _flights.get(key)
        if flight is None or flight.version != policy.watch.version:
            return await _lead(route, policy, handle, request, key)
        # The computation is shielded, because other requests may still wait for it if
        # this client disconnects.
        entry = await asyncio.shield(flight.result)
        return Kept(entry, _if_none_match(request)) if entry else await handle(request)

    return answer


async def _lead(
    route: Any, policy: Policy, handle: Handler, request: Request, key: Key
) -> Response:
    """Compute a response, keep it, and give it to all requests that wait for it."""
    began = time.monotonic()
    flight = Flight(policy.watch.version, asyncio.get_running_loop().create_future())
    _flights[key] = flight
    computation = Computation(policy, handle, request, began)
    entry = None
    try:
        rendered = await computation.result(key)
        if rendered:
            until = computation.until or began + shared.SECONDS
            entry = _entry_of(rendered, policy.watch, flight.version, until, route)
    except FOR_ALL as error:
        flight.result.set_exception(error)
        # Otherwise asyncio would log the error as unhandled if no request waits for it.
        flight.result.exception()
        raise
    finally:
        if _flights.get(key) is flight:
            del _flights[key]
        if not flight.result.done():
            flight.result.set_result(entry)
    if entry:
        policy.entries.keep(key, entry)
        return Kept(entry, _if_none_match(request))
    assert computation.response
    return _conditional(computation.response, _if_none_match(request))


@dataclass
class Computation:
    """The computation of a response, by this or another process."""

    policy: Policy
    handle: Handler
    request: Request
    began: float
    response: Response | None = None
    """The response, if this process computed it."""
    until: float | None = None
    """The time until which the response may be kept, if this process computed it."""

    async def result(self, key: Key) -> shared.Rendered | None:
        """Return the rendered response, or `None` if it may not be kept."""
        if isinstance(self.policy, Public) and shared.may_share(self.policy.watch):
            return await shared.get_or_compute(f"public {key}", self._compute)
        return await self._compute()

    async def _compute(self) -> shared.Rendered | None:
        need_changes_before(self.request, self.policy.watch.changed_at)
        self.response = await self.handle(_unconditional(self.request))
        self.until = self.policy.until(self.request, self.response, self.began)
        return _rendered(self.response) if self.until else None


def _rendered(response: Response) -> shared.Rendered | None:
    """Return the parts of a response that are kept, or `None` if it may not be kept."""
    named = response.headers
    vary = {name.strip().lower() for name in named.get("vary", "").split(",")} - {""}
    is_plain = type(response).__call__ is Response.__call__ and response.background is None
    fits = response.status_code == HTTPStatus.OK and "etag" in named and "set-cookie" not in named
    if not (is_plain and fits and vary <= VARY):
        return None
    return bytes(response.body), list(response.raw_headers), named["etag"].encode("latin-1")


def _entry_of(
    rendered: shared.Rendered, watch: Watch, version: int, until: float, route: object
) -> Entry:
    body, headers, etag = rendered
    unchanged = tuple((name, value) for name, value in headers if name in KEPT_FOR_304)
    return Entry(body, tuple(headers), etag, unchanged, watch, version, until, route)


def _if_none_match(request: Request) -> bytes | None:
    value = request.headers.get("if-none-match")
    return None if value is None else value.encode("latin-1")


def _unconditional(request: Request) -> Request:
    """Return the request without `If-None-Match`, so that its response has a body."""
    if "if-none-match" not in request.headers:
        return request
    headers = [item for item in request.scope["headers"] if item[0] != b"if-none-match"]
    return Request({**request.scope, "headers": headers}, request.receive, request._send)  # noqa: SLF001 - has no public reader


def _conditional(response: Response, if_none_match: bytes | None) -> Response:
    if if_none_match is None or response.status_code != HTTPStatus.OK:
        return response
    if "etag" not in response.headers:
        return response
    return revalidated(response, if_none_match.decode("latin-1"))
