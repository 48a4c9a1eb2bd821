"""The events that features record, and the data that they never record."""

import json

from sqlalchemy import select

from app import cli
from app.db.database import SessionLocal
from app.platform import activity
from app.platform.models import ActivityEntry
from app.routers.auth.credentials import security_events
from app.routers.auth.demo import PASSWORD as DEMO_PASSWORD
from app.routers.auth.models import User
from tests.activity.steps import events, summaries
from tests.auth.factories import PASSWORD, make_user

NEW = "plum dumplings on a rainy evening"


def sign_in(client, user, password=PASSWORD):
    form = {"username": user.username, "password": password}
    token = client.post("/auth/token", data=form).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def test_sign_ins_and_changes_of_credentials_are_recorded(client, db):
    user = make_user()
    sign_in(client, user)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert client.post("/auth/password/change", json=body).status_code == 204
    assert client.patch("/auth/me", json={"username": "plums"}).status_code == 200
    page = client.get("/activity")
    assert events(page, "sign_in") == ["login"]
    assert events(page, "credential_change") == ["password_changed", "username_changed"]
    assert summaries(page)[1] == "Your password was changed."


def test_the_ends_of_sessions_are_recorded(client, db, login):
    user = make_user()
    for _ in range(3):
        login(user)
    other = client.get("/auth/sessions").json()[-1]["id"]
    assert client.delete(f"/auth/sessions/{other}").status_code == 204
    assert client.post("/auth/logout").status_code == 204
    assert client.post("/auth/logout").status_code == 204  # the second sign-out ends no session
    login(user)
    assert client.post("/auth/logout-all").status_code == 204
    login(user)
    assert [one for one in events(client.get("/activity"), "sign_in") if one != "login"] == [
        "session_ended",
        "logout",
        "sessions_ended",
    ]


def test_an_entry_holds_no_address_and_no_secret(client, db):
    user = make_user()
    sign_in(client, user)
    client.post("/auth/logout")
    sign_in(client, user)
    entries = db.scalars(select(ActivityEntry)).all()
    assert entries
    for entry in entries:
        text = json.dumps([entry.summary, entry.data])
        for secret in (user.email, user.username, "testclient", "127.0.0.1", "eyJ"):
            assert secret not in text


def test_every_shown_event_has_a_sentence():
    for kind, (shown, summary) in security_events.SHOWN.items():
        assert shown in activity.Kind, kind
        assert summary.endswith("."), kind


def test_a_long_summary_is_cut(db):
    with SessionLocal() as own, own.begin():
        activity.record(own, 1, activity.Kind.POST, {}, summary="x" * 301)
    assert db.scalars(select(ActivityEntry.summary)).one() == "x" * 299 + "…"


def test_the_demo_data_has_timelines(client, committed):
    cli.seed()
    with committed() as db:
        author = db.scalars(select(User).where(User.username == "author")).one()
    sign_in(client, author, DEMO_PASSWORD)
    items = client.get("/activity?limit=100").json()["items"]
    assert {one["kind"] for one in items} == {"sign_in", "credential_change", "post"}
    times = [one["created_at"] for one in items]
    assert times == sorted(times, reverse=True)
    cli.seed()
    assert client.get("/activity?limit=100").json()["items"] == items
    assert len(client.get("/activity/counts").json()) > 4
