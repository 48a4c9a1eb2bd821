"""Writes the head of a response. Most of a head is the same each time.

uvicorn checks every header of every response for characters that could begin another
header. Half of our headers are constants, which are checked and formatted only once.
All other headers are checked each time.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from app.platform.envelope.response_headers import CAREFUL, HTTPS_ONLY, Header

USUAL: list[Header] = [
    *CAREFUL,
    HTTPS_ONLY,
    (b"content-type", b"application/json"),
    (b"content-type", b"application/problem+json"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"Origin"),
    (b"vary", b"Authorization"),
    (b"vary", b"Authorization, Origin"),
]
LINES = {header: b"%s: %s\r\n" % header for header in USUAL}
WITHOUT_BODY = (204, 304)  # such a response is not sent in chunks


class Exchange(RequestResponseCycle):
    """A request and its response. The head of the response is written in one step."""

    async def send(self, message: Any) -> None:
        unusual = self.response_started or self.disconnected or self.flow.write_paused
        if unusual or message["type"] != "http.response.start":
            await super().send(message)
            return
        self.response_started = True
        self.waiting_for_100_continue = False
        status = message["status"]
        lines = [STATUS_LINE[status]]
        for header in (*self.default_headers, *message.get("headers", ())):
            line = LINES.get(header)
            lines.append(self._checked(*header) if line is None else line)
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        chunked = self.chunked_encoding is None and self.scope["method"] != "HEAD"
        if chunked and status not in WITHOUT_BODY:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self.transport.write(b"".join(lines))

    def _checked(self, name: bytes, value: bytes) -> bytes:
        """Return the line of a header, and store what the header says about the body.

        Raises `RuntimeError`, as uvicorn does, for a header with characters that are
        not allowed.
        """
        if HEADER_RE.search(name):
            raise RuntimeError("Invalid HTTP header name.")
        if HEADER_VALUE_RE.search(value):
            raise RuntimeError("Invalid HTTP header value.")
        name = name.lower()
        if name == b"content-length" and self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        elif name == b"transfer-encoding" and value.lower() == b"chunked":
            self.expected_content_length = 0
            self.chunked_encoding = True
        elif name == b"connection":
            if b"close" in [token.lower().strip() for token in value.split(b",")]:
                self.keep_alive = False
            return b""  # the caller itself writes the line of this header
        return b"%s: %s\r\n" % (name, value)
