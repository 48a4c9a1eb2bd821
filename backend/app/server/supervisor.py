"""Several server processes: uvicorn's supervisor, taught to tell a busy process from one that hangs.

uvicorn asks each process by a pipe whether it is well, and kills it if no thread of it answers within some seconds. So
one request that computes for long with the interpreter's lock held ends all other requests of its process, and while
uvicorn waits for that answer it replaces no process that has died. A blocked event loop, on the other hand, it never
notices. Here each event loop counts on, and the supervisor looks at the counter without waiting.
"""

import faulthandler
import os
import signal
from multiprocessing.sharedctypes import RawValue
from socket import socket

from uvicorn.config import Config
from uvicorn.supervisors import multiprocess
from uvicorn.supervisors.multiprocess import Process

from app.core.logging import get_logger

HUNG_SECONDS = 60  # an event loop that stood still for so long will not go on
LOOK_SECONDS = 0.5  # how often uvicorn's supervisor looks
SHUTDOWN_SECONDS = 30  # for requests in flight
END_SECONDS = SHUTDOWN_SECONDS + 5  # then a process that was told to end is killed
TRACE_SECONDS = 0.5

log = get_logger("app.server")


class CountingProcess(Process):
    """A server process whose event loop counts, and is counted as hung when it has not done so for a minute."""

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        self.ticks = RawValue("Q", 0)  # shared memory
        self._seen = self._missed = 0
        super().__init__(config, sockets)

    def target(self, sockets: list[socket] | None = None) -> None:
        """What the new process runs."""
        faulthandler.register(signal.SIGUSR1)  # as in the parent, whose handlers it does not inherit
        self.config.callback_notify, self.config.timeout_notify = self._tick, 1
        super().target(sockets)

    async def _tick(self) -> None:
        self.ticks.value += 1

    def is_alive(self, timeout: float = 5) -> bool:  # noqa: ARG002 - uvicorn's supervisor passes it
        """Whether it runs, and goes on once it has begun to serve: to start may take long.

        Looks are counted, not seconds, so that nobody hangs because all of us were suspended.
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
        """Wait for the end, and see to it: a process that hangs does not hear SIGTERM."""
        self.process.join(END_SECONDS)
        if self.process.is_alive():
            self.kill()
        super().join()


def install() -> None:
    """Have uvicorn's supervisor start processes of this class: it has no setting for that."""
    multiprocess.Process = CountingProcess  # type: ignore[misc] # a class is a name like any other
