"""A server sends its public reads to a streaming standby, which then becomes the
primary.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx2
import pytest

from app.core.config import BACKEND
from app.routers.auth.demo import PASSWORD
from tests.faults.figures import record
from tests.support.server import Server, running_server
from tests.support.services import required
from tests.support.standby import Node, primary_and_standby, until

pytestmark = [pytest.mark.faults, pytest.mark.only("postgresql")]

LONG = 60
WRITERS = READERS = 3


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Node, Node]]:
    with primary_and_standby() as (primary, standby):
        environment = {**os.environ, "DATABASE_URL": primary.url, "ENVIRONMENT": "development"}
        for command in (["alembic", "upgrade", "head"], ["app.cli", "seed"]):
            subprocess.run(
                [sys.executable, "-m", *command], cwd=BACKEND, env=environment, check=True
            )
        yield primary, standby


@pytest.fixture(scope="module")
def server(nodes: tuple[Node, Node]) -> Iterator[Server]:
    """A server that finds out by itself which of the two nodes is the primary."""
    primary, standby = nodes
    redis = required(os.environ.get("REDIS_TEST_URL"), "REDIS_TEST_URL is not set")
    hosts = f"host={primary.address}&host={standby.address}"
    with running_server(
        DATABASE_URL=f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write",
        DATABASE_REPLICA_URLS=standby.url,
        REDIS_URL=redis,
        CACHE_ENABLED="true",
    ) as server:
        until(lambda: state_of(server) == "ok")
        yield server


@pytest.fixture(scope="module")
def author(server: Server) -> dict[str, str]:
    form = {"username": "author@example.com", "password": PASSWORD}
    token = httpx2.post(f"{server.url}/auth/token", data=form, timeout=LONG).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def metric(server: Server, name: str) -> float:
    """Return the sum of all series whose line begins like this."""
    lines = httpx2.get(f"{server.url}/metrics", timeout=LONG).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def state_of(server: Server) -> str:
    lines = httpx2.get(f"{server.url}/metrics", timeout=LONG).text.splitlines()
    found = [line for line in lines if line.startswith("liftoff_replica_state{")]
    return next(
        (line.split('state="')[1].split('"')[0] for line in found if line[-3:] == "1.0"), ""
    )


@pytest.fixture
def client(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=LONG) as client:
        yield client


def write(client: httpx2.Client, author: dict[str, str], title: str) -> httpx2.Response:
    post = {"title": title, "content": "x", "is_published": True}
    return client.post("/blog/posts", json=post, headers=author)


def test_public_and_signed_in_reads_use_the_replica(server, client, author):
    """Demo data has just been written, so the first reads may need the primary."""
    reads = "liftoff_replica_reads_total"
    for caller in (dict[str, str](), author):
        before = metric(server, reads)
        deadline = time.monotonic() + LONG
        while metric(server, reads) == before:
            assert client.get("/blog/posts?q=the", headers=caller).json()["items"]
            assert time.monotonic() < deadline


def test_users_see_what_they_have_just_written(server, client, author, nodes):
    """The standby does not replay changes, so a read from the standby would not find
    the post.
    """
    _, standby = nodes
    standby.sql("SELECT pg_wal_replay_pause()")
    try:
        created = write(client, author, "Seen by its author")
        path = f"/blog/posts/{created.json()['id']}"
        assert client.get(path, headers=author).status_code == 200
        assert metric(server, 'liftoff_replica_fallbacks_total{reason="own write"}') > 0
        assert client.get(path).status_code == 200, "a kept response is not late"
        until(lambda: state_of(server) == "late")
        assert client.get("/health/ready").status_code == 200
    finally:
        standby.sql("SELECT pg_wal_replay_resume()")
    until(lambda: state_of(server) == "ok")


def test_the_standby_takes_over_under_load(server, author, nodes):
    """The primary dies while clients read and write, and the standby is promoted.

    Commits wait for the standby, so no acknowledged write may be lost.
    """
    primary, standby = nodes
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.sql("SELECT pg_reload_conf()")
    ended, kept = Event(), list[str]()
    statuses = Counter[str]()
    written_at = [0.0]

    def keep_writing(writer: int) -> None:
        with httpx2.Client(base_url=server.url, timeout=LONG) as client:
            while not ended.wait(0.02):
                title = f"Takeover {writer} {sum(statuses.values())}"
                answer = write(client, author, title)
                statuses[f"write {answer.status_code}"] += 1
                if answer.status_code == 201:
                    kept.append(title)
                    written_at[0] = time.monotonic()

    def keep_reading(reader: int) -> None:
        with httpx2.Client(base_url=server.url, timeout=LONG) as client:
            while not ended.wait(0.02):
                path = f"/blog/posts?limit={reader + 1}&offset={statuses.total()}"
                statuses[f"read {client.get(path).status_code}"] += 1

    with ThreadPoolExecutor(WRITERS + READERS) as pool:
        running = [pool.submit(keep_writing, one) for one in range(WRITERS)]
        running += [pool.submit(keep_reading, one) for one in range(READERS)]
        try:
            until(lambda: len(kept) > 50)
            died = time.monotonic()
            primary.stop()
            time.sleep(1)  # a cluster manager needs some time to notice the failure
            standby.promote()
            promoted = time.monotonic()
            until(lambda: written_at[0] > promoted)
            recovered = written_at[0] - promoted  # seconds until the first write was acknowledged
            until(lambda: len(kept) > 100)
        finally:
            ended.set()
    for one in running:
        one.result()
    there = standby.sql("SELECT array_agg(title) FROM blog_posts WHERE title LIKE 'Takeover%'")
    lost = set(kept) - set(there)
    failed = {name: n for name, n in statuses.items() if name.endswith(" 503")}
    record(
        "the primary dies, and its standby is promoted under load",
        "503 only, no acknowledged write lost",
        f"{promoted - died:.1f} s until the promotion, {recovered:.1f} s more until the first "
        f"write; of {sum(statuses.values())} requests failed {failed or 0}; of {len(kept)} "
        f"acknowledged writes lost {len(lost)}",
    )
    assert not lost
    assert set(statuses) <= {"write 201", "write 503", "read 200", "read 503"}, statuses
    assert state_of(server) == "promoted"
