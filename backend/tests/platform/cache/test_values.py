"""Features can keep computed values, in memory and in Redis."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.platform.cache import regions, values


@pytest.fixture(params=["memory", "redis"])
def kept(request, settings):
    if request.param == "redis":
        settings(REDIS_URL=request.getfixturevalue("redis_url"))
    return values


def test_a_value_is_kept_until_it_is_deleted(kept):
    assert (kept.get("a"), kept.exists("a")) == (None, False)
    kept.set("a", {"rate": [1, None, "é"]}, seconds=60)
    kept.set("b", None, seconds=60)
    assert (kept.get("a"), kept.exists("a")) == ({"rate": [1, None, "é"]}, True)
    assert (kept.get("b"), kept.exists("b")) == (None, True)
    kept.delete("a")
    kept.delete("never")
    assert (kept.get("a"), kept.exists("a")) == (None, False)


def test_a_value_ends_with_its_time(kept):
    kept.set("a", 1, seconds=-1)
    assert (kept.get("a"), kept.exists("a")) == (None, False)
    assert kept.get_or_create("a", lambda: 2, seconds=60) == 2
    assert kept.get_or_create("a", lambda: 3, seconds=60) == 2


def test_of_thirty_at_once_one_creates_the_value(kept):
    made = []
    everyone = threading.Barrier(30)

    def create():
        made.append(1)
        time.sleep(0.05)  # in this time, the other callers arrive
        return "value"

    def ask(_number):
        everyone.wait()
        return kept.get_or_create("a", create, seconds=60)

    with ThreadPoolExecutor(30) as pool:
        assert set(pool.map(ask, range(30))) == {"value"}
    assert len(made) == 1


def test_an_error_of_the_creator_is_raised(kept):
    def fail():
        raise LookupError("no rate today")

    with pytest.raises(LookupError):
        kept.get_or_create("a", fail, seconds=60)
    assert kept.get_or_create("a", lambda: 1, seconds=60) == 1


def test_without_redis_a_value_is_created_each_time(settings):
    settings(REDIS_URL="redis://127.0.0.1:1/0")
    values.set("a", 1, seconds=60)
    assert (values.get("a"), values.exists("a")) == (None, False)
    assert [values.get_or_create("a", lambda: 2, seconds=60) for _ in range(2)] == [2, 2]
    values.delete("a")


def test_the_memory_of_a_process_is_bounded():
    memory = regions.BoundedMemory({})
    for number in range(2 * regions.MOST):
        memory.set_serialized(str(number), b"x")
    assert len(memory) == regions.MOST
    memory.set_serialized("large", b"x" * regions.MOST_BYTES)
    assert len(memory) == 1
