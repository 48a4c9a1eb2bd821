"""The Python code in `docs/documents.md` works without changes."""

import re
import types

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.core.config import BACKEND, get_settings
from app.db.database import SessionLocal
from app.db.documents import make_indexes, open_documents
from app.platform import middleware, problems
from app.platform.models import ActivityEntry
from tests.auth.factories import make_user, token_for
from tests.support.mongo import documents_url, neosqlite

__all__ = ["documents_url", "neosqlite"]

PAGE = (BACKEND / "docs" / "documents.md").read_text("utf-8")


@pytest.fixture(scope="module")
def written():
    """Return the three modules that the page contains."""

    def module(name, source):
        made = types.ModuleType(name)
        exec(compile(source, name, "exec"), made.__dict__)  # noqa: S102 - this is the test
        return made

    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return [module(f"block{number}", block) for number, block in enumerate(blocks)]


def test_the_routes_work(db, documents_url, written):
    routes, indexes, _ = written
    assert make_indexes(indexes.indexes())["notes"] == ["user_id_1_number_-1"]
    app = FastAPI(middleware=middleware.middleware_stack(get_settings()))
    problems.install_problem_handlers(app)
    app.include_router(routes.router)
    client = TestClient(app, headers={"Authorization": f"Bearer {token_for(make_user())}"})
    for number, text in ((1, "plums"), (2, "flour"), (1, "ripe plums")):
        assert client.put(f"/notes/{number}", params={"text": text}).status_code == 200
    found = [(note["number"], note["text"]) for note in client.get("/notes").json()]
    assert found == [(2, "flour"), (1, "ripe plums")]
    assert open_documents()["notes"].count_documents({}) == 2


def test_the_event_is_recorded(db, written):
    *_, recording = written
    user = make_user()
    with SessionLocal() as own, own.begin():
        recording.record_note(own, user, 7)
    entry = db.scalars(select(ActivityEntry)).one()
    assert (entry.summary, entry.data["note"]) == ("The note 7 was written.", 7)
