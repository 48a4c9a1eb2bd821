"""Supervisor of several server processes. It distinguishes a busy process from a hung
process.

uvicorn's supervisor asks each process through a pipe whether it is alive. If no thread
of the process responds within some seconds, the supervisor kills the process. So one
request that computes for a long time while holding the interpreter's lock ends all
other requests in its process. While the supervisor waits for one process, it replaces
no other process that has died. uvicorn's supervisor never notices a blocked event loop.

Here, each event loop increments a counter, and the supervisor reads the counter without
waiting.
"""

import faulthandler
import os
import signal
from multiprocessing.sharedctypes import RawValue
from socket import socket

from uvicorn.config import Config
from uvicorn.supervisors import Multiprocess, multiprocess
from uvicorn.supervisors.multiprocess import Process

from app.core.logging import get_logger
from app.server.draining import DrainingServer

HUNG_SECONDS = 60  # an event loop that has been blocked for this long will not recover
LOOK_SECONDS = 0.5  # how often uvicorn's supervisor checks
SHUTDOWN_SECONDS = 30  # time for requests in progress to finish
END_SECONDS = SHUTDOWN_SECONDS + 5  # after this, a process that was told to stop is killed
TRACE_SECONDS = 0.5

log = get_logger("app.server")


class CountingProcess(Process):
    """A server process whose event loop increments a counter.

    The process is hung if the counter has not changed for a minute.
    """

    _server: DrainingServer | None

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        self.ticks = RawValue("Q", 0)  # shared memory
        self._seen = self._missed = 0
        super().__init__(config, sockets)

    @property
    def server(self) -> DrainingServer:
        if self._server is None:
            self._server = DrainingServer(self.config)
        return self._server

    def target(self, sockets: list[socket] | None = None) -> None:
        """Serve requests. uvicorn calls this method in the new process."""
        # The parent also registers this handler, but signal handlers are not inherited.
        faulthandler.register(signal.SIGUSR1)
        self.config.callback_notify, self.config.timeout_notify = self._tick, 1
        super().target(sockets)

    async def _tick(self) -> None:
        self.ticks.value += 1

    def is_alive(self, timeout: float = 5) -> bool:  # noqa: ARG002 - uvicorn's supervisor passes it
        """Return whether the process is running and its counter is changing.

        A process may take any time to start. The limit counts checks, not seconds. A
        limit in seconds would make a process seem hung after all processes had been
        suspended together.
        """
        if not self.process.is_alive():
            return False
        ticks = self.ticks.value
        self._missed = self._missed + 1 if ticks and ticks == self._seen else 0
        self._seen = ticks
        return self._missed * LOOK_SECONDS < HUNG_SECONDS

    def kill(self) -> None:
        if self.process.pid and self.process.is_alive():
            log.error("process_hung", pid=self.process.pid)
            os.kill(self.process.pid, signal.SIGUSR1)
            self.process.join(TRACE_SECONDS)
        super().kill()

    def join(self) -> None:
        """Wait for the process to end, and kill it after `END_SECONDS`.

        A hung process does not respond to SIGTERM.
        """
        self.process.join(END_SECONDS)
        if self.process.is_alive():
            self.kill()
        super().join()


class Supervisor(Multiprocess):
    """uvicorn's supervisor, which stops listening when it stops its processes."""

    def terminate_all(self) -> None:
        """Tell the processes to end.

        The processes have copies of the sockets. If this process kept its own sockets
        open, the kernel would still accept connections, but no process would serve
        them.
        """
        for one in self.sockets:
            one.close()
        super().terminate_all()


def install() -> None:
    """Make uvicorn's supervisor start processes of our class. uvicorn has no setting
    for this.
    """
    multiprocess.Process = CountingProcess  # type: ignore[misc] # a class is a name like any other
