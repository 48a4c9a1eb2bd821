"""If one of two real processes writes something, the other one shows it within a
second.
"""

import subprocess
import time
from contextlib import contextmanager

import psutil

from tests.support.server import free_port
from tests.support.services import program

SECOND = 1.0


def seconds_until(shows, wanted):
    """Return how many seconds pass until `shows()` returns `wanted`.

    The wait has a limit.
    """
    began = time.monotonic()
    while time.monotonic() - began < 5 * SECOND:
        if shows() == wanted:
            return time.monotonic() - began
    raise AssertionError(f"{shows()} is not {wanted}")


def write_and_watch(one, two, titles):
    """Write through the first process, and check what both processes show next."""
    for title in titles:
        expected = [*two.titles(), title]
        one.create(title)
        assert one.titles() == expected, "the writer's own next read is fresh"
        assert seconds_until(two.titles, expected) < SECOND


def test_a_write_is_seen_by_every_process_within_a_second(start):
    one, two = start(), start()
    one.create("a")
    seconds_until(two.titles, ["a"])
    write_and_watch(one, two, "bcde")


@contextmanager
def redis_server():
    """A Redis that only this test uses, so the test may kill it."""
    port = free_port()
    command = [program("redis-server"), "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    with subprocess.Popen([*command, "--daemonize", "no"], stdout=subprocess.DEVNULL) as process:
        try:
            yield process, f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()


def test_redis_may_be_killed_and_changes_are_seen_all_the_same(start):
    with redis_server() as (redis, url):
        one, two = start(REDIS_URL=url), start(REDIS_URL=url)
        one.create("a")
        seconds_until(two.titles, ["a"])
        write_and_watch(one, two, "bc")
        redis.kill()
        redis.wait()
        write_and_watch(one, two, "def")


def test_a_scheduled_row_appears_when_its_time_has_come(start):
    process = start()
    process.create("now")
    assert process.titles() == ["now"]
    process.create("later", after_seconds=1.5)
    assert process.titles() == ["now"]
    assert SECOND / 2 < seconds_until(process.titles, ["now", "later"]) < 1.5 + SECOND


def test_a_killed_writer_has_told_the_others_before(start):
    """The mark that tells the other processes is committed together with the change."""
    one, two = start(), start()
    one.create("a")
    seconds_until(two.titles, ["a"])
    one.create("b")
    one.process.kill()
    assert seconds_until(two.titles, ["a", "b"]) < SECOND


def test_a_process_that_missed_its_polls_uses_no_cache(start):
    """A process that was stopped and continues has missed its polls for changes."""
    one, two = start(), start()
    one.create("a")
    seconds_until(two.titles, ["a"])
    stopped = psutil.Process(two.process.pid)
    stopped.suspend()
    one.create("b")
    time.sleep(SECOND)
    stopped.resume()
    assert two.titles() == ["a", "b"]
