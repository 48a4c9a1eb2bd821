"""The wrapped `send` of one request, which completes its response."""

from starlette.types import Message, Send

from app.platform import problems

from .response_headers import Header, varying_by_origin

ERRORS = 400  # where the statuses of errors begin
DISCONNECTED = 499  # nginx's status for a client that disconnected


class Exchange:
    """The response to one request: what has been sent, and which headers are added.

    If a library sends an error as plain text, a problem document replaces it.
    """

    __slots__ = ("_added", "_cors", "_request_id", "_send", "is_bodiless", "is_replaced", "status")

    def __init__(
        self, send: Send, added: list[Header], request_id: bytes, cors: list[Header] | None
    ) -> None:
        """Complete responses with these headers.

        Without `cors`, a response reveals nothing to other sites, and does not vary by
        origin.
        """
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
        headers = list(message.get("headers", ()))
        if status >= ERRORS and not _is_json(headers):
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

    def _completed(self, headers: list[Header]) -> list[Header]:
        if self._cors is not None:
            headers = varying_by_origin(headers)
            if self._cors:
                names = {name for name, _ in self._cors}
                headers = [*(one for one in headers if one[0] not in names), *self._cors]
        present = {name for name, _ in headers}
        added = [header for header in self._added if header[0] not in present]
        return [*headers, *added, (b"x-request-id", self._request_id)]


def _is_json(headers: list[Header]) -> bool:
    return any(name == b"content-type" and b"json" in value for name, value in headers)
