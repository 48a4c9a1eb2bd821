"""A server that loses no request when it is told to stop.

uvicorn closes its listening sockets and its idle connections immediately. A request
that a client has just sent is then lost. A reverse proxy may repeat only some of these
requests to another process. nginx, for example, never repeats a POST.

There are two kinds of such requests. Some arrive on connections that the kernel has
completed, but that the server has not accepted yet. Closing the listening socket would
reset these connections, so `DrainingServer` accepts them first. Other requests arrive
on idle connections of a proxy. `Connection.shutdown` keeps these connections open for a
short time. During this time, the server refuses new connections, so the proxy turns to
other processes.
"""

import asyncio
import os
import socket

import uvicorn

SETTLE_SECONDS = 0.05  # asyncio accepts a connection in several steps


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which accepts every waiting connection before it shuts down."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for one in self._stop_listening(sockets or []):
            await self._connect(one)
        await asyncio.sleep(SETTLE_SECONDS)
        await super().shutdown(sockets)

    def _stop_listening(self, sockets: list[socket.socket]) -> list[socket.socket]:
        """Close the listening sockets, and return the connections that were waiting.

        The kernel resets waiting connections when the last descriptor of a listening
        socket is closed. The event loop closes its descriptor, so this method accepts
        the waiting connections through a copy. A connection can still be lost if it
        arrives in the microseconds between the last `accept` and the `close`.
        """
        copies = [socket.socket(fileno=os.dup(one.fileno())) for one in sockets]
        for server in self.servers:
            server.close()
        waiting = []
        for copy in copies:
            with copy:
                copy.settimeout(0)
                while (accepted := _accept(copy)) is not None:
                    waiting.append(accepted)
        return waiting

    async def _connect(self, accepted: socket.socket) -> None:
        def protocol() -> asyncio.Protocol:
            return self.config.http_protocol_class(  # type: ignore[call-arg] # as in uvicorn
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )

        await asyncio.get_running_loop().connect_accepted_socket(protocol, accepted)


def _accept(listening: socket.socket) -> socket.socket | None:
    """Return a connection that waits, or `None` if no connection waits."""
    try:
        return listening.accept()[0]
    except OSError:  # nothing waits, or the client has gone
        return None
