"""How the simulator is served: by uvicorn, on this machine alone by default, with a way
to cut a connection.
"""

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CUT = "simulator.cut"


class Cuttable(HttpToolsProtocol):
    """Offers the application, as an ASGI extension, to end the connection without an
    answer.
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
