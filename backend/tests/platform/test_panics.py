"""If a Rust library panics, only one request fails, although the panic is not an
`Exception`.
"""

import asyncio
import io
import json
import sys

import pytest
from fastapi.testclient import TestClient

from app.core.config import Settings, get_settings
from app.core.logging import configure_logging
from app.db.database import db_dependency
from app.platform.envelope import Envelope
from app.platform.routing import Router
from tests.support.widgets import WidgetCreate, add_widget, widget_app


class Panic(BaseException):
    """A panic like `pyo3_runtime.PanicException`."""


router = Router(prefix="/panic", tags=["panic"])


@router.get("/thread")
def panic_in_a_thread() -> None:
    raise Panic("called `Option::unwrap()` on a `None` value")


@router.get("/loop")
async def panic_on_the_loop() -> None:
    raise Panic("index out of bounds")


@router.post("/written", status_code=201)
def panic_after_a_write(db: db_dependency, data: WidgetCreate) -> None:
    add_widget(db, data)
    raise Panic("in the middle of a transaction")


@pytest.fixture
def panicking(db):
    app = widget_app()
    app.include_router(router)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("path", ["/panic/thread", "/panic/loop"])
def test_a_panic_is_a_500_with_a_record_and_the_process_lives(panicking, path):
    written = io.StringIO()
    configure_logging(Settings(log_format="json"), written)
    for _ in range(3):
        answer = panicking.get(path)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    records = [json.loads(line) for line in written.getvalue().splitlines()]
    failures = [record for record in records if record["event"] == "unhandled_error"]
    assert len(failures) == 3
    assert failures[0]["path"] == path
    assert "Panic" in failures[0]["exception"]
    assert panicking.get("/widgets").status_code == 200


def test_a_panic_rolls_back_and_frees_its_idempotency_key(panicking):
    key = {"Idempotency-Key": "panicking"}
    assert panicking.post("/panic/written", json={"name": "spring"}, headers=key).status_code == 500
    assert panicking.get("/widgets").json()["total"] == 0
    assert panicking.post("/panic/written", json={"name": "spring"}, headers=key).status_code == 500


ENDS = [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), GeneratorExit()]
ENDS.append(
    BaseExceptionGroup("two", [Panic(), BaseExceptionGroup("in it", [KeyboardInterrupt()])])
)


@pytest.mark.parametrize("end", ENDS, ids=[type(end).__name__ for end in ENDS])
def test_what_asks_for_an_end_keeps_its_meaning(end):
    async def app(_scope, _receive, _send):
        raise end

    async def never(_message=None):
        raise AssertionError("nothing is to be sent")

    scope = {
        "type": "http",
        "path": "/",
        "method": "GET",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "client": None,
    }
    answering = Envelope(app, get_settings())(scope, never, never)
    with pytest.raises(type(end)) as raised:
        answering.send(None)
    assert raised.value is end
    assert sys.exception() is None
