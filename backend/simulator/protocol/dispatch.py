"""Turns an HTTP request into Stripe's response."""

import asyncio
import logging
import re
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from stripe import api_version

from simulator.chaos import Chaos, Strike
from simulator.objects import encode, public_object
from simulator.protocol import idempotency
from simulator.protocol.checking import check
from simulator.protocol.errors import StripeError, account_invalid, unsupported_feature
from simulator.protocol.expansion import expand
from simulator.protocol.forms import decode_form
from simulator.protocol.idempotency import Attempt, Keys
from simulator.protocol.keys import authenticate
from simulator.protocol.older_versions import modernize
from simulator.protocol.operations import Handler, find_operation, unrecognized
from simulator.protocol.parameters import Params
from simulator.protocol.vocabulary import first_unimplemented
from simulator.server import CUT
from simulator.state.store import Store
from simulator.state.work import Work

logger = logging.getLogger(__name__)

VERSIONED = "/v1/"  # the whole API of the simulator, which has no resource of Stripe's /v2/
MAX_BODY = 1_000_000  # bytes; ten times the size that any of Stripe's forms needs
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.\w+)?")


@dataclass
class Call:
    """A request, with everything that is known about it so far."""

    method: str
    path: str
    request_id: str
    idempotency_key: str | None
    version: str | None  # the version of Stripe's API that the request names, if any
    attempt: Attempt | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Dispatcher:
    """The API as an ASGI application.

    It responds to every method and every path, whether below /v1/ or not.
    """

    def __init__(self, store: Store, chaos: Chaos) -> None:
        self._store = store
        self._chaos = chaos
        self._keys = Keys(store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._respond(Request(scope, receive))
        await answer(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        version = request.headers.get("Stripe-Version")
        call = Call(request.method, request.url.path, self._store.ids.request(), key, version)
        strike = Strike()
        try:
            body = await _read(request)
            strike = self._strike(call)
            status, content = await self._answer(request, call, body, strike)
        except StripeError as error:
            status, content = error.status, encode(error.body(call.request_id))
        except Exception:
            logger.exception("%s %s", call.method, call.path)
            crash = StripeError("An unknown error occurred", status=500, kind="api_error")
            status, content = 500, encode(crash.body(call.request_id))
        call.headers |= {"Request-Id": call.request_id, "Stripe-Version": api_version}
        if key:
            call.headers["Idempotency-Key"] = key
        answer = LostResponse if strike.fault == "lost" else Response
        return answer(content, status, call.headers, "application/json")

    def _strike(self, call: Call) -> Strike:
        """Return the fault of this call.

        Paths outside the API have no faults. A call to such a path is always refused,
        whatever its key and body are.
        """
        if not call.path.startswith(VERSIONED):
            raise unrecognized(call.method, call.path)
        return self._chaos.strike(call.method, call.path)

    async def _suffer(self, strike: Strike) -> None:
        if strike.seconds:
            await self._chaos.slow_down(strike)
        if strike.fault == "error":
            raise StripeError(
                "An error occurred at Stripe (chaos of the simulator).",
                status=500,
                kind="api_error",
            )
        if strike.fault == "rate_limit":
            raise StripeError(
                "Request rate limit exceeded (chaos of the simulator).",
                status=429,
                code="rate_limit",
            )

    async def _answer(
        self, request: Request, call: Call, body: str, strike: Strike
    ) -> tuple[int, bytes]:
        api_key = authenticate(request.headers.get("Authorization"))
        _check_headers(request, self._store.ids.account_id)
        text = body if call.method == "POST" else request.url.query or body
        if not call.idempotency_key:
            await self._suffer(strike)
            return self._run(call, text)
        attempt = call.attempt = idempotency.attempt_of(
            api_key, call.idempotency_key, call.method, call.path, text
        )
        if found := self._keys.stored_answer(attempt):
            call.headers |= {"Idempotent-Replayed": "true", "Original-Request": found["request"]}
            return found["status"], found["body"].encode()
        self._keys.begin(attempt)
        try:
            await self._suffer(strike)
            return self._run(call, text)
        finally:
            self._keys.end(attempt)

    def _run(self, call: Call, text: str) -> tuple[int, bytes]:
        """Run the operation, and store its response under the idempotency key.

        Stripe stores the response if the operation took place, even if the card was
        declined. Stripe does not store the response to a refused request.
        """
        found, ids = find_operation(call.method, call.path)
        form = modernize(found.takes, decode_form(text), call.version)
        if lacking := first_unimplemented(found, form):
            raise unsupported_feature(lacking)
        params = check(found.takes, form)
        try:
            with self._store.work(call.request_id, call.idempotency_key) as work:
                try:
                    content = self._execute(work, params, found.handler, ids)
                except StripeError as error:
                    if call.attempt and error.keeps_changes:
                        body = encode(error.body(call.request_id)).decode()
                        idempotency.keep_response(
                            work, call.attempt, call.request_id, error.status, body
                        )
                    raise
                if call.attempt:
                    idempotency.keep_response(
                        work, call.attempt, call.request_id, 200, content.decode()
                    )
        finally:
            self._store.flush()  # while a clock advances, a commit alone writes nothing to the file
        return 200, content

    def _execute(self, work: Work, params: Params, handler: Handler, ids: list[str]) -> bytes:
        answer = handler(work, params, *ids)
        paths = params.get("expand") or []
        if unread := next(params.unread(), None):
            raise unsupported_feature(unread)
        return encode(public_object(expand(work, answer, paths) if paths else answer))


class LostResponse(Response):
    """A response that is lost: the connection closes before its first byte."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        scope["extensions"][CUT]["now"]()
        await asyncio.sleep(0)  # lets the server notice that the client is gone


async def _read(request: Request) -> str:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise StripeError("The request is too large.", status=413)
    return body.decode(errors="replace")


def _check_headers(request: Request, own_account: str) -> None:
    version = request.headers.get("Stripe-Version")
    if version and not _VERSION.fullmatch(version):
        raise StripeError(f"Invalid Stripe API version: {version}")
    for name in ("Stripe-Account", "Stripe-Context"):
        if (account := request.headers.get(name, own_account)) != own_account:
            raise account_invalid(account)
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and content_type not in ("", "application/x-www-form-urlencoded"):
        raise StripeError(
            "Invalid request (check that your POST content type is "
            "application/x-www-form-urlencoded). If you have questions, we can help at "
            "https://support.stripe.com/."
        )
