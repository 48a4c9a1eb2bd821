"""The rules for access to the API from other sites (CORS)."""

import re
from collections.abc import Iterator
from http import HTTPStatus

from fastapi import Response
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from app.core.config import Settings
from app.core.logging import get_logger
from app.platform import problems

from .response_headers import Header

# The headers that pages may send: the headers that the API uses, and headers that
# common libraries add to each request.
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
MAX_NAMED = 10  # maximum number of refused headers named in one response
SHOWN = re.compile(r"[!#$%&'*+.:/^_`|~0-9A-Za-z\[\]-]{1,100}")
ALLOWED = "Access-Control-Allow-Origin"

log = get_logger(__name__)


class Cors(CORSMiddleware):
    """Allows the configured origins only.

    A refused preflight gets a problem document, like any other error.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(
            app,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[*ACCEPTED, *settings.cors_headers],
            expose_headers=EXPOSED,
        )
        self._simple = [
            (name.lower().encode(), value.encode())
            for name, value in self.simple_headers.items()
            if name != ALLOWED
        ]

    def headers_for(self, origin: str | None) -> list[Header]:
        """Return the headers with which this origin may read a response.

        A request with an unknown origin gets no such headers, like a request without an
        origin.
        """
        if origin is None or not self.is_allowed_origin(origin):
            return []
        return [*self._simple, (ALLOWED.lower().encode(), origin.encode("latin-1"))]

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        detail = " ".join(self._refusals(request_headers))
        # A page cannot read the response, but its developer can read the log.
        log.info("cors_refused", reason=detail)
        kept = {} if self._is_foreign(request_headers) else self.preflight_headers
        return problems.render_problem(
            response.status_code, "cors_refused", detail, headers={"Vary": "Origin", **kept}
        )

    def _is_foreign(self, request_headers: Headers) -> bool:
        return not self.is_allowed_origin(request_headers["origin"])

    def _refusals(self, request_headers: Headers) -> Iterator[str]:
        """Describe each refused part, and name the setting that would allow it."""
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
    """Return the value, or `?` if it cannot be an origin, a method or a header.

    Responses never repeat any other text that a client sent.
    """
    return value if SHOWN.fullmatch(value) else "?"
