"""A request that waits for a thread gets one in time, or a 503."""

from threading import Event

import anyio
import pytest
from anyio import create_task_group, to_thread

from app.db.database import DatabaseBusy
from app.db.threads import Threads, limit_threads
from app.main import app
from tests.support.client import DocumentedClient

pytestmark = pytest.mark.only("sqlite")  # these tests use no database


def test_who_waits_too_long_for_a_thread_is_refused():
    opened = Event()

    async def main():
        limit_threads(2, patience=0.2)
        async with create_task_group() as busy:
            for _ in range(2):
                busy.start_soon(to_thread.run_sync, opened.wait, 60)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(DatabaseBusy):
                await to_thread.run_sync(opened.is_set)
            opened.set()
        assert await to_thread.run_sync(opened.is_set)
        assert to_thread.current_default_thread_limiter().borrowed_tokens == 0

    anyio.run(main)


def test_who_waits_gets_the_next_free_thread():
    opened = Event()

    async def main():
        limit_threads(1, patience=60)
        async with create_task_group() as busy:
            busy.start_soon(to_thread.run_sync, opened.wait, 60)
            await anyio.wait_all_tasks_blocked()
            busy.start_soon(to_thread.run_sync, opened.is_set)
            opened.set()

    anyio.run(main)


def test_the_application_limits_its_threads(migrated):
    found = []

    async def look():
        limiter = to_thread.current_default_thread_limiter()
        assert isinstance(limiter, Threads)
        found.append((limiter.total_tokens, limiter.patience))

    with DocumentedClient(app) as client:
        assert client.portal
        client.portal.call(look)
    assert found == [(16, 10)]
