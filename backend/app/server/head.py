"""Limits on the head of a request: its target and its headers.

uvicorn collects and decodes a head of any size before it calls the application. It also
drops the host of an absolute target, which the application must compare with the Host
header.
"""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.platform.envelope.bounds import HEAD_TOO_LARGE, MAX_HEAD, MAX_TARGET, OF_EACH

AUTHORITY = re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]*+://([^/?#]*+)")


class BoundedHead(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a limit on the size of a head."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._room = MAX_HEAD
        self._is_whole = False

    def on_url(self, url: bytes) -> None:
        self._room -= len(url)
        super().on_url(url[: max(0, MAX_TARGET + 1 - len(self.url))])

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_whole:  # trailers are not headers (RFC 9110, 6.5.1), so they are ignored
            return
        self._room -= len(name) + len(value) + OF_EACH
        if self._room >= 0:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_whole = True
        if self._room < 0 or len(self.url) > MAX_TARGET:
            self.scope["extensions"] = {HEAD_TOO_LARGE: {}}
        elif named := AUTHORITY.match(self.url):
            self._name_host(named[1])
        super().on_headers_complete()

    def _name_host(self, authority: bytes) -> None:
        """Add the host of an absolute target as a Host header.

        If the two hosts differ, the application refuses the request (RFC 9112, 3.2.2).
        """
        if all(
            name != b"host" or value.lower() != authority.lower() for name, value in self.headers
        ):
            self.headers.append((b"host", authority))
