"""The limit on how much one user may write holds in one process and over Redis.

A user may write a certain number of times a minute, and may use half of that number in
a burst.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import Depends, Request
from fastapi.testclient import TestClient

from app.db.database import db_dependency
from app.platform import buckets
from app.platform.buckets import Buckets
from app.platform.limits import Counters
from app.platform.principal import publish_principal
from app.platform.routing import Router
from tests.support.server import free_port
from tests.support.widgets import widget_app

EACH, ROOM = 0.5, 30.0  # 120 a minute, 60 in a burst


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


def taken(take, number):
    return sum(take() == 0 for _ in range(number))


def test_sixty_come_at_once_and_then_two_a_second():
    clock = Clock()
    bucket = Buckets(clock)

    def take():
        return bucket.take("writes:user:1", EACH, ROOM)

    assert taken(take, 100) == 60
    assert take() == pytest.approx(0.5)
    for _ in range(10):
        clock.now += 1
        assert taken(take, 10) == 2
    clock.now += 3_600
    assert taken(take, 100) == 60


@pytest.mark.parametrize("rate", [1, 2, 7, 50, 59, 120, 100_000])
def test_a_minute_allows_its_rate_plus_at_most_the_burst(rate):
    clock = Clock()
    bucket, each, burst = Buckets(clock), 60 / rate, max(1, rate // 2)
    steps = min(6_000, rate * 4)
    counted = taken(lambda: bucket.take("u", each, each * burst), burst + 5)
    assert counted == burst
    counted = 0
    for _ in range(steps):
        clock.now += 60 / steps
        counted += taken(lambda: bucket.take("u", each, each * burst), rate // steps + 2)
    assert rate - 1 <= counted <= rate + 1


def test_over_redis_two_processes_share_a_bucket_at_once(redis_url):
    here, there = Counters(redis_url), Counters(redis_url)
    with ThreadPoolExecutor(20) as threads:
        waits = list(
            threads.map(lambda n: (here, there)[n % 2].take("u", 100.0, 6_000.0), range(200))
        )
    assert waits.count(0) == 60
    assert all(0 < wait <= 100 for wait in waits if wait)
    assert here.take("another", 100.0, 6_000.0) == 0


def test_over_redis_time_fills_the_bucket_again(redis_url):
    counters = Counters(redis_url)
    assert taken(lambda: counters.take("u", 0.05, 0.1), 50) >= 2
    time.sleep(0.11)
    assert counters.take("u", 0.05, 0.1) == 0


def test_without_the_redis_that_is_set_this_process_counts():
    counters = Counters(f"redis://127.0.0.1:{free_port()}/0")
    assert taken(lambda: counters.take("u", 100.0, 1_000.0), 50) == 10


def test_full_buckets_are_forgotten(monkeypatch):
    monkeypatch.setattr(buckets, "MANY", 100)
    clock = Clock()
    kept = Buckets(clock)
    for number in range(10_000):
        clock.now += 0.25
        kept.take(f"user:{number}", EACH, ROOM)
    assert len(kept) <= 202


def test_an_async_endpoint_is_limited_too(settings, db):
    settings(WRITES_PER_MINUTE="4")
    router = Router(prefix="/later", tags=["later"])

    def known(request: Request, _db: db_dependency) -> None:
        publish_principal(request, "user:1")

    @router.put("", dependencies=[Depends(known)])
    async def work() -> dict[str, str]:
        return {}

    app = widget_app()
    app.include_router(router)
    with TestClient(app) as client:
        assert [client.put("/later").status_code for _ in range(3)] == [200, 200, 429]
