"""The audit log keeps an entry for each action, and nothing changes or deletes an
entry.
"""

import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import object_session

from app.core.config import BACKEND
from app.core.errors import AppError
from app.db import clock
from app.db.database import SessionLocal, engine
from app.platform import audit
from app.platform.jobs import job_kinds
from app.platform.models import AuditEntry
from app.routers.auth.accounts import moderation
from app.routers.auth.models import User
from tests.auth.factories import make_user
from tests.support.admin import desk_of, entries, newest_entry


def entry(db, **columns):
    audit.record(db, audit.Entry(7, "tests.act", "tests:1", **columns))
    return db.scalar(select(AuditEntry).where(AuditEntry.action == "tests.act"))


def test_an_entry_has_no_secrets_and_no_email_addresses(db):
    found = entry(
        db,
        summary="Wrote to ada@example.com",
        reason="Asked by bob@example.com, token=abc123",
        before={"email": "ada@example.com", "hashed_password": "$argon2id$x", "n": 1},
        after={"nested": [{"api_key": "k"}, "eve@example.com"]},
    )
    written = json.dumps(
        [found.summary, found.reason, found.before, found.after, found.target], default=str
    )
    for secret in ("ada@", "bob@", "eve@", "argon2", "abc123", '"k"'):
        assert secret not in written
    assert (found.before["n"], found.reason.split(",")[0]) == (1, "Asked by b…@example.com")


def test_an_action_is_recorded_with_its_reason_and_request(desk, db):
    other = make_user()
    answer = desk.act("users", other.id, "disable", reason="Sends spam to eve@example.com")
    found = newest_entry("users.disable")
    assert found.target == f"users:{other.id}"
    assert found.reason == "Sends spam to e…@example.com"
    assert (found.before["is_active"], found.after["is_active"]) == (True, False)
    assert found.request_id == answer.headers["x-request-id"]
    page = desk.get(f"/row/audit/{found.id}").text
    assert "Sends spam" in page
    assert found.request_id in page
    assert "users.disable" in desk.get(f"/list/audit?q=users:{other.id}").text


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "two\nlines"])
def test_an_action_needs_a_reason(desk, db, reason):
    other = make_user()
    answer = desk.act("users", other.id, "disable", reason=reason)
    assert (answer.status_code, "“Reason”" in answer.text) == (422, True)
    assert db.get(User, other.id, populate_existing=True).is_active
    assert entries("users.disable") == []


def test_a_refused_action_leaves_no_entry(app, client, committed, monkeypatch):
    desk, other = desk_of(app), make_user()

    def fail(db, user_id, *, by):
        db.get(User, user_id).is_active = by == 0
        db.flush()
        raise AppError("It broke.")

    monkeypatch.setattr(moderation, "disable_account", fail)
    assert desk.act("users", other.id, "disable").status_code == 500
    assert entries("users.disable") == []
    with committed() as db:
        assert db.get(User, other.id).is_active


def test_an_export_has_every_entry_and_is_recorded(desk, db):
    other = make_user()
    desk.act("users", other.id, "disable")
    answer = desk.post("/export/audit", after="0", reason="The yearly review")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-after-0.jsonl"'
    assert [line["action"] for line in lines] == ["staff.sign_in", "users.disable"]
    assert lines[1]["actor"].startswith("user")
    assert newest_entry("audit.export").reason == "The yearly review"
    last = lines[-1]["id"]
    rest = desk.post("/export/audit", after=str(last), reason="More").text
    assert [json.loads(line)["action"] for line in rest.splitlines()] == ["audit.export"]
    assert desk.post("/export/audit", after="x", reason="A test").status_code == 404


def test_an_erased_account_has_no_name_in_the_log(desk, db):
    other = make_user(is_superuser=True)
    with SessionLocal() as session, session.begin():
        audit.record(session, audit.Entry(other.id, "tests.act", "tests:1"))
    name = other.username
    assert name in desk.get("/list/audit").text
    with SessionLocal() as session, session.begin():
        session.get_one(User, other.id).email = "deleted-1@deleted.invalid"
    page = desk.get("/list/audit").text
    assert name not in page
    assert f"erased account {other.id}" in page


def rewrite(kept):
    kept.reason = "Another one"


def remove(kept):
    db = object_session(kept)
    assert db
    db.delete(kept)


@pytest.mark.parametrize("change", [rewrite, remove])
def test_no_session_changes_an_entry(committed, change):
    with committed() as db, db.begin():
        entry(db)
    with committed() as db:
        change(db.scalar(select(AuditEntry)))
        with pytest.raises(audit.AuditEntryKept):
            db.flush()


@pytest.mark.only("postgresql")
@pytest.mark.parametrize(
    "statement",
    [
        update(AuditEntry).values(reason="Another one"),
        delete(AuditEntry),
        text("TRUNCATE audit_entries"),
    ],
    ids=["update", "delete", "truncate"],
)
def test_postgresql_protects_entries_from_every_session(committed, statement):
    with committed() as db, db.begin():
        entry(db)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="never changed"):
        connection.execute(statement)


def test_the_purge_deletes_only_what_is_old_enough(committed):
    with committed() as db, db.begin():
        for age in (audit.KEPT - timedelta(days=1), audit.KEPT + timedelta(days=1)):
            columns = dict.fromkeys(("action", "target", "summary", "reason", "request_id"), "x")
            db.add(
                AuditEntry(created_at=clock.now(-age), actor_id=1, before={}, after={}, **columns)
            )
    job = job_kinds()["purge.audit_entries"]
    with SessionLocal() as db:
        job.run(db, {})
        assert db.query(AuditEntry).count() == 1


def test_the_trigger_and_the_purge_agree():
    (revision,) = (BACKEND / "alembic" / "versions").glob("*audit_log.py")
    assert f"interval '{audit.KEPT.days} days'" in revision.read_text()
