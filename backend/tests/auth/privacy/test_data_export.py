"""A user asks for their data, and downloads it by the emailed link (requirement 67)."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core.types import utc_now
from app.platform.jobs import Failure, job_kinds, job_runs
from app.platform.models import Job
from app.routers.auth.models import OneTimeToken
from tests.auth.exports import ask, download, link_to
from tests.auth.factories import PASSWORD, make_user
from tests.auth.letters import letters_to
from tests.auth.steps import bearer, events_of, outcome, sign_in

PARTS = {
    "activity/events.json",
    "auth/account.json",
    "auth/identities.json",
    "auth/second_factor.json",
    "auth/security_events.json",
    "auth/sessions.json",
}


def jobs_of(db, kind):
    db.expire_all()
    return list(db.scalars(select(Job).where(Job.kind == kind)))


def test_an_export_has_the_data_of_the_account_only(client, db, user):
    other = make_user()
    for one in (user, other):
        sign_in(client, one, "wrong horse battery staple")
    files = download(client, user)
    assert files.keys() >= PARTS
    (account,) = files["auth/account.json"]
    assert (account["username"], account["email"]) == (user.username, user.email)
    assert account["created_at"].endswith("Z")
    kinds = [each["kind"] for each in files["auth/security_events.json"]]
    assert kinds == ["login_failed", "login", "data_export_asked"]
    assert [each["kind"] for each in files["activity/events.json"]] == ["sign_in"]
    text = str(files)
    assert other.username not in text
    assert other.email not in text


def test_an_export_contains_no_secret(client, db, user):
    files = download(client, user)
    (digest,) = db.scalars(select(OneTimeToken.digest).where(OneTimeToken.user_id == user.id))
    assert user.hashed_password not in str(files)
    assert digest not in str(files)
    names = {name for rows in files.values() for row in rows for name in row}
    assert not {name for name in names if "key" in name or "secret" in name or "password" in name}


def test_a_link_works_for_its_time_as_often_as_needed(client, db, user):
    link = link_to(client, user)
    assert link.startswith("http://testserver/auth/data-export/download?token=")
    for _ in range(2):
        answer = client.get(link, follow_redirects=False)
        assert answer.status_code == 303
        assert "no-store" in answer.headers["cache-control"]
    db.execute(update(OneTimeToken).values(expires_at=utc_now() - timedelta(seconds=1)))
    db.commit()
    assert outcome(client.get(link)) == (400, "invalid_token")


def test_the_archive_is_deleted_after_24_hours(client, db, user, stored):
    link_to(client, user)
    (deletion,) = jobs_of(db, "auth.delete_export")
    assert abs(deletion.due_at - utc_now() - timedelta(hours=24)) < timedelta(minutes=2)
    assert len(stored()) == 1
    db.execute(update(Job).values(due_at=utc_now()))
    db.commit()
    letters_to(user.email)
    assert stored() == []


def test_a_newer_link_replaces_the_older_one(client, db, user):
    older, newer = link_to(client, user), link_to(client, user)
    assert outcome(client.get(older)) == (400, "invalid_token")
    assert client.get(newer).status_code == 200


def test_a_new_password_ends_the_link(client, db, user):
    link = link_to(client, user)
    new = {"current_password": PASSWORD, "new_password": "another long pass phrase"}
    token = sign_in(client, user).json()
    changed = client.post("/auth/password/change", json=new, headers=bearer(token))
    assert changed.status_code == 204
    assert outcome(client.get(link)) == (400, "invalid_token")


def test_a_deleted_account_has_neither_link_nor_archive(client, db, user, stored):
    link = link_to(client, user)
    token = sign_in(client, user).json()
    sure = {"password": PASSWORD}
    assert client.post("/auth/delete-account", json=sure, headers=bearer(token)).status_code == 204
    letters_to(user.email)
    assert stored() == []
    assert outcome(client.get(link)) == (400, "invalid_token")


def test_an_account_deleted_before_the_job_gets_nothing(client, db, user, stored):
    assert ask(client, user).status_code == 202
    token = sign_in(client, user).json()
    sure = {"password": PASSWORD}
    assert client.post("/auth/delete-account", json=sure, headers=bearer(token)).status_code == 204
    subjects = [letter.subject for letter in letters_to(user.email)]
    assert len(subjects) == 1, "only that the account was deleted"
    assert "deleted" in subjects[0]
    assert stored() == []


def test_while_one_is_queued_another_changes_nothing(client, db, user):
    assert [ask(client, user).status_code for _ in range(2)] == [202, 202]
    assert len(jobs_of(db, "auth.export_data")) == 1
    assert len([letter for letter in letters_to(user.email) if "data" in letter.subject]) == 1


def test_three_exports_a_day_are_enough(client, db, user):
    assert [ask(client, user).status_code for _ in range(4)] == [202, 202, 202, 429]
    assert ask(client, make_user()).status_code == 202
    assert len(events_of(db, "data_export_asked", user)) == 3


def test_a_repeated_attempt_replaces_the_archive(client, db, user, stored):
    """A worker that dies after storing the archive leaves the job in the queue."""
    ask(client, user)
    (queued,) = jobs_of(db, "auth.export_data")
    job_kinds()["auth.export_data"].run(db, dict(queued.payload))
    db.rollback()
    assert len(stored()) == 1
    letters_to(user.email)
    assert len(stored()) == 1


def test_a_job_that_failed_for_good_leaves_no_archive(client, db, user, stored):
    ask(client, user)
    (queued,) = jobs_of(db, "auth.export_data")
    kind = job_kinds()["auth.export_data"]
    assert kind.failed
    kind.run(db, dict(queued.payload))
    db.rollback()
    kind.failed(db, dict(queued.payload), Failure("lost", is_final=False))
    assert jobs_of(db, "auth.delete_export") == []
    kind.failed(db, dict(queued.payload), Failure("lost", is_final=True))
    db.delete(db.get(Job, queued.id))
    db.commit()
    while job_runs.run_next():
        pass
    assert stored() == []


def test_without_storage_there_is_no_export(client, db, user, monkeypatch):
    from app.core.config import get_settings

    without = get_settings().model_copy(update={"storage_url": None})
    monkeypatch.setattr("app.platform.storage.get_settings", lambda: without)
    assert outcome(ask(client, user)) == (404, "storage_disabled")
    assert jobs_of(db, "auth.export_data") == []


@pytest.mark.parametrize("token", ["", "x", "a" * 43])
def test_an_unknown_link_is_refused(client, db, token):
    answer = client.get("/auth/data-export/download", params={"token": token})
    assert answer.status_code in (400, 422)


def test_only_a_signed_in_user_may_ask(client, db):
    assert outcome(client.post("/auth/data-export")) == (401, "not_authenticated")
