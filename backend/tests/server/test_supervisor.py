"""A busy process is left alone, and a process that hangs is replaced.

`tests/faults/test_sockets.py` shows this with real processes.
"""

import os

import pytest
from uvicorn.config import Config

from app.server.supervisor import HUNG_SECONDS, LOOK_SECONDS, CountingProcess

LOOKS = int(HUNG_SECONDS / LOOK_SECONDS)


class Running:
    """A stand-in for a process, which the supervisor takes for a running process."""

    pid = os.getpid()
    exitcode = None

    def is_alive(self):
        return True


@pytest.fixture
def process(monkeypatch):
    monkeypatch.setattr("uvicorn.supervisors.multiprocess.get_subprocess", lambda *_: Running())
    process = CountingProcess(Config("app.main:app", log_config=None), [])
    yield process
    process.parent_conn.close()
    process.child_conn.close()


def test_a_process_that_stands_still_for_a_minute_hangs(process):
    process.ticks.value += 1
    assert process.is_alive()
    assert [process.is_alive() for _ in range(LOOKS)] == [True] * (LOOKS - 1) + [False]


def test_a_process_that_starts_may_take_its_time(process):
    assert all(process.is_alive() for _ in range(2 * LOOKS))


def test_a_process_that_was_busy_for_less_is_well(process):
    for _ in range(3):
        assert all(process.is_alive() for _ in range(LOOKS - 1))
        process.ticks.value += 1
