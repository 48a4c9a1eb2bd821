"""The number of requests with a session never exceeds the number of connections.

Requests for which no connection is left wait a moment and then get a 503.
"""

import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event, Semaphore
from types import SimpleNamespace

import anyio
import pytest
from anyio import CancelScope, create_task_group, fail_after
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.core.admission import Admission
from app.db.database import DatabaseBusy, SessionLocal, admission, db_dependency
from app.platform.monitoring import health
from app.platform.routing import Router
from tests.support.widgets import Widget, WidgetCreate, add_widget, widget_app

PATIENCE = 60  # seconds after which a test counts as stuck


class Gate:
    """A gate at which requests wait, with a transaction open, until a test lets them
    go.
    """

    def __init__(self) -> None:
        self.arrived = Semaphore(0)
        self.opened = Event()

    def enter(self) -> None:
        self.arrived.release()
        assert self.opened.wait(PATIENCE)

    def wait_for(self, requests: int) -> None:
        for _ in range(requests):
            assert self.arrived.acquire(timeout=PATIENCE)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def gated(committed, gate):
    """The application with a route that waits at the gate."""
    router = Router(prefix="/gate", tags=["gate"])

    @router.get("")
    def stand(db: db_dependency) -> int:
        db.scalars(select(Widget.id)).all()
        gate.enter()
        return len(db.scalars(select(Widget.id)).all())

    @router.post("")
    def stand_after_writing(db: db_dependency, data: WidgetCreate) -> int:
        add_widget(db, data)
        gate.enter()
        return 1

    app = widget_app()
    app.include_router(router)
    app.include_router(health.router)
    return app


def get(client: TestClient, path: str) -> SimpleNamespace:
    started = time.monotonic()
    answer = client.get(path)
    return SimpleNamespace(
        status=answer.status_code, answer=answer, seconds=time.monotonic() - started
    )


def test_over_the_limit_is_a_503_and_the_process_stays_ready(gated, gate, monkeypatch):
    monkeypatch.setattr(admission, "timeout", 1)  # `test_starvation.py` tests the real setting
    slots = admission.slots
    with TestClient(gated) as client, ThreadPoolExecutor(slots + 4) as threads:
        holding = [threads.submit(get, client, "/gate") for _ in range(slots)]
        gate.wait_for(slots)
        refused = [threads.submit(get, client, "/widgets") for _ in range(4)]
        while not all(call.done() for call in refused):
            live = get(client, "/health/live")
            assert (live.status, live.seconds < 1) == (200, True)
            ready = get(client, "/health/ready")
            assert (ready.status, ready.seconds < 1) == (200, True), ready.answer.json()
        gate.opened.set()
        assert [call.result().status for call in holding] == [200] * slots
        for call in refused:
            busy = call.result()
            assert (busy.status, busy.answer.json()["code"]) == (503, "database_busy")
            assert int(busy.answer.headers["Retry-After"]) > 0
            assert 1 <= busy.seconds < 3
        assert get(client, "/widgets").status == 200


def test_who_waits_is_served_as_soon_as_a_slot_is_free(gated, gate):
    with TestClient(gated) as client, ThreadPoolExecutor(admission.slots + 1) as threads:
        for _ in range(admission.slots):
            threads.submit(get, client, "/gate")
        gate.wait_for(admission.slots)
        waiting = threads.submit(get, client, "/widgets")
        gate.opened.set()
        assert waiting.result().status == 200


async def request(
    app: Callable[..., Awaitable[None]], method: str, path: str, body: bytes = b""
) -> list[int]:
    """Send one request by ASGI and return its statuses.

    The function does not use a client library, because no library can cancel a request
    in the middle.
    """
    statuses = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"content-type", b"application/json"), (b"host", b"testserver")]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
    }
    scope |= {
        "headers": headers,
        "client": ("192.0.2.1", 1),
        "server": ("testserver", 80),
        "scheme": "http",
    }
    await app(scope | {"http_version": "1.1", "root_path": "", "state": {}}, receive, send)
    return statuses


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", b'{"name": "lamp"}')])
def test_a_disconnecting_client_leaks_no_transaction_and_no_slot(gated, gate, pool, method, body):
    async def main() -> None:
        with fail_after(PATIENCE):
            for _ in range(2 if method == "GET" else 1):
                async with create_task_group() as clients:
                    for _ in range(admission.slots if method == "GET" else 1):
                        clients.start_soon(request, gated, method, "/gate", body)
                    await anyio.to_thread.run_sync(gate.arrived.acquire)
                    clients.cancel_scope.cancel()
                    gate.opened.set()
                assert admission.free() == admission.slots
                assert pool.checkedout() == 0
            assert await request(gated, "GET", "/widgets") == [200]

    anyio.run(main)
    with SessionLocal() as db:  # no other transaction holds a lock
        db.add(Widget(name="lamp 2"))
        db.commit()


def test_a_client_that_goes_away_while_it_waits_loses_no_slot(gated, gate):
    async def main() -> None:
        with fail_after(PATIENCE):
            async with create_task_group() as holders:
                for _ in range(admission.slots):
                    holders.start_soon(request, gated, "GET", "/gate")
                await anyio.to_thread.run_sync(gate.wait_for, admission.slots)
                async with create_task_group() as waiting:
                    for _ in range(20):
                        waiting.start_soon(request, gated, "GET", "/widgets")
                    await anyio.wait_all_tasks_blocked()
                    waiting.cancel_scope.cancel()
                gate.opened.set()
            assert admission.free() == admission.slots
            assert await request(gated, "GET", "/widgets") == [200]

    anyio.run(main)


def test_slots_are_conserved_however_their_holders_leave():
    door = Admission(3, timeout=0.002, refusal=DatabaseBusy)
    inside = most = refused = 0

    async def visitor(delay: float, stay: float, cancelled_after: float) -> None:
        nonlocal inside, most, refused
        await anyio.sleep(delay)
        with CancelScope(deadline=anyio.current_time() + cancelled_after):
            try:
                async with door.slot():
                    inside += 1
                    most = max(most, inside)
                    try:
                        await anyio.sleep(stay)
                    finally:
                        inside -= 1
            except DatabaseBusy:
                refused += 1

    async def main() -> None:
        random = Random(4)  # noqa: S311 - the same visitors every time
        async with create_task_group() as visitors:
            for _ in range(600):
                visitors.start_soon(
                    visitor,
                    random.uniform(0, 0.2),
                    random.uniform(0, 0.01),
                    random.uniform(0, 0.02),
                )
        assert door.free() == door.slots

    anyio.run(main)
    assert most == door.slots
    assert refused > 0


def test_each_event_loop_has_its_own_slots():
    door = Admission(1, timeout=1, refusal=DatabaseBusy)

    async def main() -> None:
        async with door.slot():
            assert door.free() == 0

    anyio.run(main)
    anyio.run(main)
