"""Run a real PgBouncer in front of a test's database."""

import contextlib
import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import URL, make_url

from tests.support.server import free_port
from tests.support.services import program

START_SECONDS = 30
CONFIGURATION = """\
[databases]
{database} = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {connections}
{more}
"""


def _server(url: URL) -> str:
    host = url.host or url.query.get("host") or "127.0.0.1"
    facts = {"host": host, "port": url.port or 5432, "dbname": url.database, "user": url.username}
    if url.password:
        facts["password"] = url.password
    return " ".join(f"{name}={value}" for name, value in facts.items())


@contextlib.contextmanager
def running_pooler(
    database_url: str, folder: Path, *, connections: int = 5, more: str = ""
) -> Iterator[str]:
    """Run PgBouncer in transaction mode, and yield the URL of the database through
    PgBouncer.

    PgBouncer has `connections` connections to the server. `more` is added to its
    configuration.
    """
    url, port = make_url(database_url), free_port()
    (folder / "users.txt").write_text(f'"{url.username}" ""\n')
    file = folder / "pgbouncer.ini"
    file.write_text(
        CONFIGURATION.format(
            database=url.database,
            server=_server(url),
            port=port,
            folder=folder,
            connections=connections,
            more=more,
        )
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("pgbouncer"), str(file)], stdout=log, stderr=log, **_unprivileged(folder, url)
        )
    pooled = f"postgresql://{url.username}@127.0.0.1:{port}/{url.database}"
    try:
        _wait(process, pooled, folder / "log")
        yield pooled
    finally:
        process.terminate()
        process.wait(10)


def _unprivileged(folder: Path, url: URL) -> dict[str, Any]:
    """Return options for a process that refuses to run as root.

    The socket of the embedded server is in a folder that only its owner may open.
    """
    if os.getuid() != 0:
        return {}
    sockets = url.query.get("host")
    owner = Path(str(sockets)).stat().st_uid if sockets else 0
    user = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    for parent in (one for one in folder.parents if one.stat().st_uid == 0):
        parent.chmod(parent.stat().st_mode | 0o011)
    return {"user": user.pw_uid, "group": user.pw_gid}


def _wait(process: subprocess.Popen[bytes], pooled: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(pooled).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"PgBouncer does not answer:\n{log.read_text()}")
