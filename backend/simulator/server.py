"""The server of the simulator: uvicorn, which listens only on this machine by default.

The server can close a connection without a response.
"""

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CUT = "simulator.cut"


class Cuttable(HttpToolsProtocol):
    """An ASGI extension that lets the application close a connection without a
    response.
    """

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUT: {"now": self.transport.abort}}


def server(app: ASGIApp, port: int, host: str = "127.0.0.1") -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=Cuttable,
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=3,
        )
    )
