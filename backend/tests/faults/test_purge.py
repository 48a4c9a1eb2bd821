"""A purge of any number of rows works under load, and no request waits for the purge
(R19).

PURGE_ROWS is the number of expired rows. The default is a small number, as in CI. The
full test has five million.
"""

import itertools
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles

import httpx2
import pytest
from sqlalchemy import func, select, text

from app.core.types import utc_now
from app.db.database import SessionLocal, WorkerSession
from app.platform.models import IdempotencyKey
from tests.auth.factories import make_user, token_for
from tests.faults.figures import record
from tests.support.server import running_server
from tests.support.workers import workers

RATE = 100  # requests a second
IDLE_SECONDS = 10
AT_ONCE = 100_000  # maximum number of rows in one INSERT
LONGEST = 4.0  # seconds that a statement of a request may take
FILL = {
    "postgresql": "SELECT {row} FROM generate_series({first}, {last}) AS n",
    "mysql": "SELECT {row} FROM seq_{first}_to_{last} AS s(n)",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < "
    "{last}) SELECT {row} FROM s",
}
ROW = {
    "postgresql": "lpad(n::text, 64, '0'), repeat('f', 64), decode(repeat('ab', 150), 'hex'),"
    " now() - interval '3 days', now() - interval '2 days' + n * interval '10 milliseconds'",
    "mysql": "lpad(n, 64, '0'), repeat('f', 64), repeat('a', 150), now() - interval 3 day, now() "
    "- interval 2 day",
    "sqlite": "printf('%064d', n), printf('%064d', 0), zeroblob(150), datetime('now', '-3 days'),"
    " datetime('now', '-2 days')",
}
COLUMNS = "digest, fingerprint, answer, created_at, expires_at"


def fill(kind: str, rows: int) -> None:
    for first in range(1, rows + 1, AT_ONCE):
        source = FILL[kind].format(row=ROW[kind], first=first, last=min(rows, first + AT_ONCE - 1))
        with WorkerSession() as db, db.begin():  # a worker's session has a longer time limit
            db.execute(text(f"INSERT INTO idempotency_keys ({COLUMNS}) {source}"))


class Load:
    """A hundred requests a second at fixed times, however long the responses take.

    A fifth of the requests are writes.
    """

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self.seconds: list[float] = []
        self.failures: list[int] = []

    def run(self, seconds: float | None = None) -> None:
        until = time.monotonic() + seconds if seconds else float("inf")
        due = time.monotonic()
        with self._client, ThreadPoolExecutor(32) as threads:
            while due < until and not self._ended.is_set():
                time.sleep(max(0.0, due - time.monotonic()))
                threads.submit(self._ask, next(self._numbers))
                due += 1 / RATE

    def end(self) -> None:
        self._ended.set()

    def _ask(self, number: int) -> None:
        began = time.perf_counter()
        if number % 5:
            answer = self._client.get("/auth/me")
        else:
            key = {"Idempotency-Key": f"{id(self)}-{number}"}
            post = {"title": f"Post {number}", "content": "x", "slug": f"post-{id(self)}-{number}"}
            answer = self._client.post("/blog/posts", json=post, headers=key)
        self.seconds.append(time.perf_counter() - began)
        if answer.status_code >= 400:
            self.failures.append(answer.status_code)


def p99(seconds: list[float]) -> float:
    """Return the 99th percentile in milliseconds."""
    return quantiles(seconds, n=100)[98] * 1000


def left() -> int:
    with SessionLocal() as db:
        expired = (
            select(func.count())
            .select_from(IdempotencyKey)
            .where(IdempotencyKey.expires_at < utc_now())
        )
        return db.scalar(expired) or 0


def purged(log: Path) -> list[tuple[int, float]]:
    """Return the number of rows of each logged run, and the duration of its longest
    transaction in ms.
    """
    found = re.findall(
        r"purged .*longest_ms=([0-9.]+) rows=([0-9]+) table=idempotency_keys", log.read_text()
    )
    return [(int(rows), float(longest)) for longest, rows in found]


@pytest.mark.faults
@pytest.mark.slow
def test_a_purge_of_any_size_goes_on_under_load(committed, pytestconfig):
    kind = pytestconfig.getoption("--database")
    rows = int(os.environ.get("PURGE_ROWS", "100000" if kind == "postgresql" else "10000"))
    fill(kind, rows)
    token = token_for(make_user())
    with running_server(
        EMBEDDED_WORKER="false", WRITES_PER_MINUTE="0", LOG_LEVEL="warning"
    ) as server:
        Load(server.url, token).run(2)  # warm up, so that all imports are done
        before, busy, after = (Load(server.url, token) for _ in range(3))
        before.run(IDLE_SECONDS)
        with workers(1) as (_, logs), ThreadPoolExecutor(1) as thread:
            began = time.monotonic()
            asking = thread.submit(busy.run)
            try:
                while sum(one[0] for one in purged(logs[0])) < rows:
                    time.sleep(0.5)
            finally:
                seconds = time.monotonic() - began
                busy.end()
            asking.result()
            longest = max(one[1] for one in purged(logs[0]))
        after.run(
            IDLE_SECONDS
        )  # other programs may use the machine, so the idle times are measured before and after
    idle, meanwhile = p99(before.seconds + after.seconds), p99(busy.seconds)
    record(
        "R19",
        f"{rows:,} expired rows are purged under {RATE} requests/s, p99 of requests at most 2 x "
        "idle",
        f"{seconds:.0f} s, {rows / seconds:,.0f} rows/s, longest transaction {longest:.0f} ms, "
        f"p99 {meanwhile:.0f} ms, idle {idle:.0f} ms ({meanwhile / idle:.1f} x), failed "
        f"{len(busy.failures)}",
    )
    assert left() == 0
    assert longest < LONGEST * 1000
    assert busy.failures == []
