"""Supervisor of several server processes, which tells a busy process from a hung one.

uvicorn's supervisor asks each process through a pipe whether it is alive, and kills it
if no thread responds within some seconds. So one request that computes for a long time
while holding the interpreter's lock ends all other requests in its process. While the
supervisor waits for one process, it replaces no other process that has died. And it
never notices a blocked event loop.

Here, each event loop increments a counter, and the supervisor reads the counter without
waiting.
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

HUNG_SECONDS = 60  # an event loop that has been blocked for this long will not recover
LOOK_SECONDS = 0.5  # how often uvicorn's supervisor checks
SHUTDOWN_SECONDS = 30  # for requests in progress
END_SECONDS = SHUTDOWN_SECONDS + 5  # after this, a process that was told to stop is killed
TRACE_SECONDS = 0.5

log = get_logger("app.server")


class CountingProcess(Process):
    """A server process whose event loop increments a counter.

    The process is hung if the counter has not changed for a minute.
    """

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        self.ticks = RawValue("Q", 0)  # shared memory
        self._seen = self._missed = 0
        super().__init__(config, sockets)

    def target(self, sockets: list[socket] | None = None) -> None:
        """Run in the new process."""
        # The parent also registers this, but signal handlers are not inherited.
        faulthandler.register(signal.SIGUSR1)
        self.config.callback_notify, self.config.timeout_notify = self._tick, 1
        super().target(sockets)

    async def _tick(self) -> None:
        self.ticks.value += 1

    def is_alive(self, timeout: float = 5) -> bool:  # noqa: ARG002 - uvicorn's supervisor passes it
        """Return whether the process is running and its counter is changing.

        A process may take any time to start. Checks are counted instead of seconds.
        Otherwise a process would seem hung after all processes had been suspended
        together.
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


def install() -> None:
    """Make uvicorn's supervisor start processes of our class. uvicorn has no setting
    for this.
    """
    multiprocess.Process = CountingProcess  # type: ignore[misc] # a class is a name like any other
