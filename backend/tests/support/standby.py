"""Start a PostgreSQL server and its streaming standby for a test.

If the tests run as root, the servers run as the user `postgres`, because PostgreSQL
refuses to run as root.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from tests.support.server import free_port
from tests.support.services import required

WAIT_SECONDS = 60
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
max_connections = 60
max_wal_senders = 4
wal_receiver_status_interval = 1
"""


def _programs() -> Path:
    """Return the folder of the newest PostgreSQL of this machine."""
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_basebackup"))
    found = str(there[-1]) if there else shutil.which("pg_basebackup")
    return Path(required(found, "pg_basebackup is not on this machine")).parent


def _as_postgres() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@dataclass
class Node:
    """A server, whose processes can be stopped, continued and killed."""

    folder: Path
    port: int
    programs: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.address}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.programs / program, *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            **_as_postgres(),
        )

    def start(self) -> None:
        log = str(self.folder / "log")
        data = str(self.folder)
        self.run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={log}")

    def stop(self) -> None:
        """Stop immediately, as if the machine failed."""
        with contextlib.suppress(subprocess.CalledProcessError):  # the server is not running
            self.run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={self.folder}")

    def promote(self) -> None:
        self.run("pg_ctl", "promote", "--wait", f"--pgdata={self.folder}")

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def sql(self, statement: str) -> Any:
        """Execute a statement on a new connection, and return the first value of the
        result.
        """
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                (value,) = (cursor.fetchone() if cursor.description else None) or (None,)
                return value
        finally:
            connection.close()

    def _send(self, number: signal.Signals) -> None:
        file = self.folder / "postmaster.pid"
        if not file.exists():
            return
        postmaster = psutil.Process(int(file.read_text().split("\n", 1)[0]))
        for process in (postmaster, *postmaster.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@contextlib.contextmanager
def primary_and_standby() -> Iterator[tuple[Node, Node]]:
    """Start a server and a standby that streams from it."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="liftoff-standby-"))
    folder.chmod(0o755)
    if os.getuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    primary = Node(folder / "primary", 0, programs)
    standby = Node(folder / "standby", 0, programs)
    try:
        _create(primary)
        copy = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        standby.run("pg_basebackup", f"--dbname={primary.url}", f"--pgdata={standby.folder}", *copy)
        _configure(standby)
        standby.start()
        until(lambda: primary.sql("SELECT count(*) FROM pg_stat_replication") == 1)
        yield primary, standby
    finally:
        for node in (standby, primary):
            node.thaw()
            node.stop()
        shutil.rmtree(folder, ignore_errors=True)


def until(condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> float:
    """Wait until a condition holds, and return how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it never became true"
        time.sleep(0.02)
    return time.monotonic() - began


def _create(node: Node) -> None:
    options = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
    node.run("initdb", f"--pgdata={node.folder}", *options)
    _configure(node, SETTINGS)
    node.start()


def _configure(node: Node, more: str = "") -> None:
    """Choose the server's port just before the server starts, so that no other program
    takes the port.

    If a setting occurs twice, its last line wins.
    """
    node.port = free_port()
    with (node.folder / "postgresql.conf").open("a") as file:
        file.write(f"{more}port = {node.port}\n")
