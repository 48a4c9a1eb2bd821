"""Processes share responses in Redis."""

import asyncio

import pytest

from app.platform.cache import shared
from app.platform.cache.watches import Watch

RENDERED = (b'{"a":\n1}', [(b"etag", b'"1"'), (b"x-name", "é".encode("latin-1"))], b'"1"')


@pytest.fixture
def redis(settings, redis_url):
    settings(REDIS_URL=redis_url)
    return redis_url


def ask(made, key="key", rendered=RENDERED):
    async def compute():
        made.append(key)
        await asyncio.sleep(0)
        return rendered

    return shared.get_or_compute(key, compute)


def test_one_computes_for_all(redis):
    made: list[str] = []

    async def scene():
        return await asyncio.gather(*(ask(made) for _ in range(10)))

    assert set(map(str, asyncio.run(scene()))) == {str(RENDERED)}
    assert made == ["key"]
    assert asyncio.run(ask(made)) == RENDERED
    assert made == ["key"]


def test_what_may_not_be_kept_is_not_shared(redis):
    made: list[str] = []
    for _ in range(2):
        assert asyncio.run(ask(made, rendered=None)) is None
    assert len(made) == 2


def test_an_error_reaches_its_caller(redis):
    async def fail():
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(shared.get_or_compute("key", fail))


def test_without_redis_each_computes(settings):
    settings(REDIS_URL="redis://127.0.0.1:1/0")
    made: list[str] = []
    assert [asyncio.run(ask(made)) for _ in range(2)] == [RENDERED] * 2
    assert len(made) == 2


def test_nothing_is_shared_soon_after_a_start_or_a_change(redis):
    watch = Watch()
    assert not shared.may_share(watch)
    watch.hot_until = 0.0
    assert shared.may_share(watch)
    watch.change()
    assert not shared.may_share(watch)


def test_what_was_stored_late_has_ended_before_it_could_be_used():
    """A late entry has expired before a process can use it (see `shared`).

    The sum in this test adds two times: how long a process may not know of a write, and
    how long a computation may take.
    """
    from app.platform.cache.watches import FRESH_SECONDS, HEAT_SECONDS

    assert shared.SECONDS + FRESH_SECONDS + 5 < HEAT_SECONDS
