"""Many clients share few threads and few connections.

In each test, a real server is under load or its clients disconnect.
"""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from app.db.database import engine
from tests.auth.factories import make_user, token_for
from tests.support import patient
from tests.support.server import Server, running_server

CLIENTS = 64
SECONDS = 10
WAIT_SECONDS = 3  # the default
SMALL = {"WORKER_THREADS": "8", "DATABASE_POOL_SIZE": "8", "DATABASE_MAX_OVERFLOW": "0"}
SMALL["DATABASE_POOL_TIMEOUT"] = str(WAIT_SECONDS)


@dataclass
class Answers:
    """The statuses that the clients received, the responses per second, and unexpected
    errors.
    """

    asked_for: float = SECONDS
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: Counter[int] = field(default_factory=Counter)
    slowest: float = 0
    wrong: list[str] = field(default_factory=list)

    def note(self, second: int, took: float, status: int, head: str) -> None:
        self.statuses[status] += 1
        self.seconds[second] += 1
        self.slowest = max(self.slowest, took)
        patient = status == 503 and "retry-after:" in head and took < WAIT_SECONDS + 0.5
        if not (200 <= status < 300 or patient):
            self.wrong.append(f"{took:.2f} s: {head}")


async def keep_asking(
    server: Server, path: str, token: str, answers: Answers, pause: float = 0
) -> None:
    """Send requests on one keep-alive connection, without a slow client library."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    request = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    started = time.monotonic()
    while (sent := time.monotonic()) - started < answers.asked_for:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line for line in head.splitlines() if line.startswith("content-length:"))
        await reader.readexactly(int(length.split()[1]))
        answered = time.monotonic()
        answers.note(int(answered - started), answered - sent, int(head.split()[1]), head)
        await asyncio.sleep(pause)
    writer.close()
    await writer.wait_closed()


@pytest.mark.only("postgresql")
def test_64_clients_on_8_threads_and_8_connections_never_stall(committed, capsys):
    asked, probed = Answers(), Answers()
    token = token_for(make_user())

    async def main() -> None:
        first = Answers(asked_for=1)  # warm up: connections and threads are created
        await asyncio.gather(
            *(keep_asking(server, "/auth/me", token, first) for _ in range(CLIENTS))
        )
        clients = [keep_asking(server, "/auth/me", token, asked) for _ in range(CLIENTS)]
        await asyncio.gather(
            *clients, keep_asking(server, "/health/live", token, probed, pause=0.1)
        )

    with running_server(**SMALL, LOG_LEVEL="warning") as server:
        asyncio.run(main())
    with capsys.disabled():
        rate = asked.statuses[200] / SECONDS
        print(  # noqa: T201
            f"\n{rate:.0f} requests/s, slowest {asked.slowest:.2f} s, statuses "
            f"{dict(asked.statuses)}"
        )
    assert asked.wrong == []
    assert all(asked.seconds[second] > 0 for second in range(SECONDS)), asked.seconds
    assert probed.statuses.keys() == {200}
    assert probed.slowest < 1


@pytest.mark.only("postgresql")
def test_clients_that_hang_up_leak_no_transaction_and_no_slot(committed):
    token = token_for(make_user())
    head = f"GET /auth/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}"
    request = f"{head}\r\n\r\n".encode()
    small = {"WORKER_THREADS": "2", "DATABASE_POOL_SIZE": "2", "DATABASE_MAX_OVERFLOW": "0"}
    with running_server(**small) as server, engine.connect() as blocker:
        headers = {"Authorization": f"Bearer {token}"}
        assert patient.get(f"{server.url}/auth/me", headers=headers).status_code == 200
        address = urlsplit(server.url)
        blocker.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
        clients = [socket.create_connection((address.hostname, address.port)) for _ in range(4)]
        for client in clients:
            client.sendall(request)
        until(lambda: sessions("wait_event_type = 'Lock'") == 2)  # the other two requests wait
        for client in clients:
            client.close()
        blocker.rollback()
        for _ in range(4):
            assert patient.get(f"{server.url}/auth/me", headers=headers).status_code == 200
        until(lambda: sessions("state LIKE 'idle in transaction%'") == 0)


def sessions(condition: str) -> int:
    """Return the number of PostgreSQL's connections in this state.

    Inside a transaction, the query would keep returning its first result.
    """
    counted = (
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {condition}"  # noqa: S608 - ours
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
        return int(observer.scalar(text(counted)) or 0)


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Poll until a condition holds, because the server does not announce it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
