"""Staff try dead letters again, in the lists of emails and jobs and by the tool."""

import pytest
from sqlalchemy import select, update

from app.db import clock
from app.db.database import SessionLocal
from app.platform.jobs import enqueue
from app.platform.mail import queue_mail
from app.platform.models import Job, Mail
from tests.support.admin import newest_entry


@pytest.fixture
def dead(desk):
    """An email and a job that the workers gave up on, by the keys of their lists."""
    with SessionLocal() as db, db.begin():
        queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
        enqueue(db, "auth.forgot_password", {"email": "ada@example.com"})
        for model in (Mail, Job):
            gone = {"dead_at": clock.now(), "due_at": None, "last_error": "No route to host"}
            db.execute(update(model).values(**gone))
        return {
            "mails": db.scalars(select(Mail.id)).one(),
            "jobs": db.scalars(select(Job.id)).one(),
        }


def waits(model):
    with SessionLocal() as db:
        row = db.scalars(select(model)).one()
        return row.dead_at is None and row.due_at is not None


@pytest.mark.parametrize(("view", "model"), [("mails", Mail), ("jobs", Job)])
def test_a_dead_letter_is_found_read_and_tried_again(desk, dead, view, model):
    path = f"/row/{view}/{dead[view]}"
    assert f"/admin{path}" in desk.get(f"/list/{view}", params={"state": "dead letter"}).text
    assert "No route to host" in desk.get(path).text
    assert desk.act(view, dead[view], "retry").status_code == 303
    assert waits(model)
    assert newest_entry(f"{view}.retry").target == f"{view}:{dead[view]}"
    assert desk.act(view, dead[view], "retry").status_code == 409


def test_the_tool_tries_one_or_all_again(desk, dead):
    name = f"mail:{dead['mails']}"
    assert name in desk.get("/tool/dead-letters").text
    form = {"reason": "The mail server is back"}
    assert desk.post("/tool/dead-letters", name="mail:999", **form).status_code == 409
    assert desk.post("/tool/dead-letters", name=name, **form).status_code == 303
    assert (waits(Mail), waits(Job)) == (True, False)
    assert desk.post("/tool/dead-letters", name="", **form).status_code == 303
    assert waits(Job)
    assert newest_entry("tools.dead-letters").target == "all listed"
