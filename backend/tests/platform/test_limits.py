"""Rate limits are exact in one process and over Redis.

An unavailable Redis slows no request down.
"""

import contextlib
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from limits import parse
from redis import Redis, RedisError

from app.core.errors import TooManyRequests
from app.platform import limits
from app.platform.limits import Counters, RateLimit
from tests.support.freezer import freezer
from tests.support.server import free_port
from tests.support.services import program

TEN = parse("10 per hour")
HUNDRED = parse("100 per hour")


def hits(counters, item, number, *key):
    with ThreadPoolExecutor(20) as threads:
        return sum(threads.map(lambda _: counters.hit(item, *key), range(number)))


def test_in_one_process_200_at_once_are_counted_exactly():
    assert hits(Counters(None), HUNDRED, 200, "login", "192.0.2.1") == 100


def test_the_first_requests_at_once_are_counted_together():
    """Otherwise, each of the first requests would create separate counters, and only
    the counts of one request would remain.
    """
    limits.made_counters.cache_clear()
    limit, start = RateLimit("tests", "10 per hour"), threading.Barrier(40)

    def try_once(_):
        start.wait()
        return limit.allows("x")

    with ThreadPoolExecutor(40) as threads:
        assert sum(threads.map(try_once, range(40))) == 10


def test_redis_counts_200_requests_of_two_processes_exactly(redis_url, monkeypatch):
    monkeypatch.setattr(
        "app.core.redis.WAIT_SECONDS", 30
    )  # on a busy machine, Redis may be slow, which must not count as unavailable
    here, there = Counters(redis_url), Counters(redis_url)
    with ThreadPoolExecutor(2) as both:
        counted = sum(
            both.map(
                lambda counters: hits(counters, HUNDRED, 100, "login", "192.0.2.1"), (here, there)
            )
        )
    assert counted == 100
    assert not here.hit(HUNDRED, "login", "192.0.2.1")
    assert not there.hit(HUNDRED, "login", "192.0.2.1")


@pytest.mark.parametrize("shared", [False, True])
def test_keys_and_names_are_counted_apart(shared, request):
    counters = Counters(request.getfixturevalue("redis_url") if shared else None)
    assert hits(counters, TEN, 11, "login", "192.0.2.1") == 10
    assert counters.hit(TEN, "login", "192.0.2.2")
    assert counters.hit(TEN, "register", "192.0.2.1")


def test_asking_counts_nothing():
    counters = Counters(None)
    assert all(counters.test(TEN, "login", "x") for _ in range(20))
    assert hits(counters, TEN, 20, "login", "x") == 10
    assert not counters.test(TEN, "login", "x")


def test_over_the_limit_the_answer_says_how_long_to_wait():
    limit = RateLimit("tests", "2 per minute")
    limit.hit("192.0.2.1")
    limit.hit("192.0.2.1")
    for over in (limit.hit, limit.test):
        with pytest.raises(TooManyRequests) as refusal:
            over("192.0.2.1")
        headers = refusal.value.headers
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert headers["RateLimit-Reset"] == headers["Retry-After"]
        assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("2", "0")


def test_too_many_requests_get_a_429_with_its_headers(client, db, clock):
    for _ in range(30):
        client.post("/auth/register", json={"username": "x"})
    answer = client.post(
        "/auth/register", json={"username": "ada", "email": "a@example.com", "password": "p" * 12}
    )
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
    assert answer.headers["ratelimit-limit"] == "30"


def quick(counters):
    """Return whether this process counts on its own, without asking Redis each time."""
    started = time.perf_counter()
    counted = hits(counters, TEN, 20, "login", "192.0.2.1")
    assert time.perf_counter() - started < 2
    started = time.perf_counter()
    assert not counters.hit(TEN, "login", "192.0.2.1")
    assert time.perf_counter() - started < 0.2  # less than one query to Redis takes
    return counted == 10


def test_a_redis_that_is_not_there_is_done_without():
    assert quick(Counters(f"redis://127.0.0.1:{free_port()}/0"))


def test_a_redis_that_accepts_and_never_answers_is_done_without():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert quick(Counters(f"redis://127.0.0.1:{silent.getsockname()[1]}/0"))


def test_a_silent_redis_is_waited_for_once_and_by_one(monkeypatch):
    """Some client libraries wait three times with pauses in between, or wait again in
    every request.
    """
    with freezer() as silent:
        now = [time.monotonic()]
        counters = Counters(f"redis://127.0.0.1:{silent.port}/0", lambda: now[0])
        assert hits(counters, HUNDRED, 1, "login", "x") == 1
        assert silent.connections == 1
        assert hits(counters, HUNDRED, 40, "login", "x") == 40
        assert silent.connections == 1
        now[0] += limits.LOCAL_SECONDS
        assert hits(counters, HUNDRED, 40, "login", "x") == 40
        assert silent.connections == 2


def test_a_redis_that_answers_nonsense_is_done_without():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=talk_nonsense, args=(server,), daemon=True).start()
        assert quick(Counters(f"redis://127.0.0.1:{server.getsockname()[1]}/0"))


def talk_nonsense(server):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(1000)
            connection.sendall(b"-ERR LOADING nothing works here\r\n" * 5)


@pytest.fixture
def own_redis(redis_url, tmp_path):
    """The URL of a Redis that the test can stop, and a function that starts it."""
    binary = program("redis-server")  # a test cannot stop a Redis on another machine
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    started = []

    def start():
        command = [
            binary,
            "--port",
            str(port),
            "--save",
            "",
            "--dir",
            str(tmp_path),
            "--bind",
            "127.0.0.1",
        ]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        wait_for_redis(url)
        return started[-1]

    yield url, start
    for process in started:
        process.kill()
        process.wait()


def wait_for_redis(url):
    deadline = time.monotonic() + 10
    with Redis.from_url(url, retry=None) as redis:
        while time.monotonic() < deadline:
            with contextlib.suppress(RedisError):
                return redis.ping()
            time.sleep(0.02)
    raise TimeoutError(url)


def test_limits_go_on_without_redis_and_return_to_it(own_redis):
    url, start = own_redis
    first = start()
    now = [time.monotonic()]
    counters = Counters(url, lambda: now[0])
    assert hits(counters, TEN, 5, "login", "192.0.2.9") == 5
    first.terminate()
    first.wait()
    assert quick(counters)
    now[0] += limits.LOCAL_SECONDS
    start()
    # The first request tries Redis. Until it has returned, other requests use the local
    # count.
    assert hits(counters, TEN, 1, "login", "192.0.2.1") == 1
    assert hits(counters, TEN, 20, "login", "192.0.2.1") == 9
    with Redis.from_url(url) as redis:
        assert redis.keys("liftoff*")


def test_a_redis_that_stands_still_is_done_without(own_redis):
    url, start = own_redis
    process = start()
    counters = Counters(url)
    assert counters.hit(TEN, "login", "192.0.2.9")
    process.send_signal(signal.SIGSTOP)
    try:
        assert quick(counters)
    finally:
        process.send_signal(signal.SIGCONT)
