"""A write may overtake a computation, and many callers may want the same value at the
same time.
"""

import asyncio
import time

import pytest
from fastapi import Request, Response

from app.core.errors import Unavailable
from app.platform.cache.entries import MOST, Entries, Entry
from app.platform.cache.routes import Public, through_cache
from app.platform.cache.watches import Watch, freshness
from app.platform.conditional import etag_of


class Route:
    """A handler that waits to be told what to respond."""

    def __init__(self):
        self.watch = Watch()
        self.entries = Entries()
        self.waiting = []
        self.begun = asyncio.Condition()
        policy = Public(self.watch, 60.0, self.entries)
        self.handle = through_cache(self, policy, self._handle)

    async def _handle(self, _request):
        answer = asyncio.get_running_loop().create_future()
        async with self.begun:
            self.waiting.append(answer)
            self.begun.notify_all()
        body = await answer
        return Response(body, headers={"etag": etag_of(body), "cache-control": "no-cache"})

    def ask(self):
        scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}
        return asyncio.create_task(self.handle(Request(scope)))

    async def started(self, count):
        async with asyncio.timeout(5), self.begun:
            await self.begun.wait_for(lambda: len(self.waiting) >= count)


@pytest.fixture
def route(settings, monkeypatch):
    settings(CACHE_ENABLED="true")
    monkeypatch.setattr(freshness, "until", float("inf"))
    return Route()


def test_of_many_at_once_one_computes(route):
    async def scene():
        asked = [route.ask() for _ in range(50)]
        await route.started(1)
        route.waiting[0].set_result(b"1")
        assert {(await one).body for one in asked} == {b"1"}
        assert len(route.waiting) == 1

    asyncio.run(scene())


def test_what_was_computed_before_a_write_is_not_kept_after_it(route):
    """This is the race that caches most often get wrong.

    | reader | writer |
    |---|---|
    | reads the old row | |
    | | commits, and makes the entry outdated |
    | stores its page | |
    """

    async def scene():
        reader = route.ask()
        await route.started(1)
        route.watch.change()
        later = route.ask()
        await route.started(2)
        route.waiting[0].set_result(b"old")
        assert (await reader).body == b"old"
        route.waiting[1].set_result(b"new")
        assert (await later).body == b"new", "it came after the write, and must not get the old"
        assert route.entries.find("/x", time.monotonic()).body == b"new"

    asyncio.run(scene())


def test_a_failure_of_the_service_is_for_all_who_wait(route):
    async def scene():
        asked = [route.ask() for _ in range(5)]
        await route.started(1)
        route.waiting[0].set_exception(Unavailable())
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(result) for result in results} == {Unavailable}

    asyncio.run(scene())


def test_a_client_that_disconnects_takes_nothing_from_the_others(route):
    async def scene():
        leader = route.ask()
        await route.started(1)
        waiter, impatient = route.ask(), route.ask()
        await asyncio.sleep(0)
        impatient.cancel()
        leader.cancel()
        await route.started(2)
        route.waiting[1].set_result(b"own")
        assert (await waiter).body == b"own"

    asyncio.run(scene())


def entry(size=1, seconds=60.0):
    watch = Watch()
    return Entry(b"x" * size, (), b"", (), watch, 0, time.monotonic() + seconds, None)


def test_the_least_recently_used_goes_first():
    kept = Entries(most=2)
    for key in "ab":
        kept.keep(key, entry())
    assert kept.find("a", time.monotonic())
    kept.keep("c", entry())
    assert [bool(kept.find(key, time.monotonic())) for key in "abc"] == [True, False, True]


def test_number_and_size_are_bounded():
    kept = Entries(most_bytes=1_000_000)
    for number in range(2 * MOST):
        kept.keep(number, entry(size=900))
    assert len(kept) <= MOST
    assert kept.bytes <= 1_000_000
    kept.keep("large", entry(size=5_000_000))
    assert kept.find("large", time.monotonic()) is None
    kept.clear()
    assert kept.bytes == 0


def test_an_entry_ends_with_its_time_and_with_a_change():
    kept = Entries()
    short, changed = entry(seconds=0.5), entry()
    kept.keep("short", short)
    kept.keep("changed", changed)
    changed.watch.change()
    assert kept.find("changed", time.monotonic()) is None
    assert kept.find("short", short.until - 0.1)
    assert kept.find("short", short.until) is None
    assert len(kept) == 0
