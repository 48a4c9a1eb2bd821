"""The wrapped `send` of one request, which completes its response."""

from collections.abc import Sequence
from functools import lru_cache

from starlette.types import Message, Send

from app.platform import problems
from app.platform.monitoring.work import RequestTally

from .response_headers import Header, varying_by_origin

ERRORS = 400  # the lowest status of an error
DISCONNECTED = 499  # nginx's status for a client that disconnected


class Exchange:
    """The response to one request: what has been sent, and which headers are added.

    If a library sends an error as plain text, a problem document replaces the text. The
    HTML error pages of the admin are not replaced.
    """

    __slots__ = (
        "_added",
        "_cors",
        "_request_id",
        "_send",
        "_tally",
        "is_bodiless",
        "is_replaced",
        "status",
    )

    def __init__(
        self,
        send: Send,
        added: tuple[Header, ...],
        request_id: bytes,
        cors: list[Header] | None,
        tally: RequestTally | None = None,
    ) -> None:
        """Complete responses with these headers.

        Without `cors`, a response reveals nothing to other sites, and does not vary by
        origin. With a `tally`, the response shows the statements of the request.
        """
        self._tally = tally
        self._send = send
        self._added = added
        self._request_id = request_id
        self._cors = cors
        self.status = DISCONNECTED
        self.is_bodiless = False
        self.is_replaced = False

    @property
    def has_started(self) -> bool:
        return self.status != DISCONNECTED

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            await self._start(message)
        elif not self.is_replaced:
            if self.is_bodiless and kind == "http.response.body":
                message = {**message, "body": b""}
            await self._send(message)

    async def _start(self, message: Message) -> None:
        self.status = status = message["status"]
        headers = message.get("headers", ())
        if status >= ERRORS and not _is_ours(headers):
            self.is_replaced = True
            kept = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in headers
                if name in (b"allow", b"retry-after", b"vary")
            }
            problem = problems.of_status(status, kept)
            raw = self._completed(problem.raw_headers)
            await self._send({"type": "http.response.start", "status": status, "headers": raw})
            body = b"" if self.is_bodiless else problem.body
            await self._send({"type": "http.response.body", "body": body})
            return
        await self._send({**message, "headers": self._completed(headers)})

    def _completed(self, headers: Sequence[Header]) -> list[Header]:
        # The headers of a cached response are a tuple, which is the same object each
        # time.
        complete = _once_completed if isinstance(headers, tuple) else _completed_with
        cors = None if self._cors is None else tuple(self._cors)
        own = [(b"x-request-id", self._request_id)]
        if self._tally:
            own.append((b"server-timing", self._tally.server_timing))
        return [*complete(headers, self._added, cors), *own]


def _completed_with(
    headers: Sequence[Header], added: tuple[Header, ...], cors: tuple[Header, ...] | None
) -> list[Header]:
    found = list(headers)
    if cors is not None:
        found = varying_by_origin(found)
        if cors:
            names = {name for name, _ in cors}
            found = [*(one for one in found if one[0] not in names), *cors]
    present = {name for name, _ in found}
    return [*found, *(header for header in added if header[0] not in present)]


_once_completed = lru_cache(maxsize=2_000)(_completed_with)


def _is_ours(headers: Sequence[Header]) -> bool:
    return any(
        name == b"content-type" and (b"json" in value or value.startswith(b"text/html"))
        for name, value in headers
    )
