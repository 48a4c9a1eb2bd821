"""Staff act as a user: in a session that is marked, short, and closed to what only the
user may do.
"""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.db import clock
from app.db.database import SessionLocal
from app.platform.jobs import job_kinds
from app.platform.models import Mail
from app.routers.auth.accounts import moderation
from app.routers.auth.models import Impersonation, LoginSession, User
from tests.auth.factories import make_user, token_for
from tests.support.admin import Desk, entries, newest_entry

FRONTEND = "https://app.example.com"
LINK = re.compile(rf'href="{FRONTEND}/impersonate#([\w-]+)"')
CLOSED = [
    ("PATCH", "/auth/me", {"username": "taken-over"}),
    ("POST", "/auth/email-change", {"new_email": "eve@example.com"}),
    ("POST", "/auth/delete-account", {}),
    ("POST", "/auth/data-export", None),
    ("GET", "/auth/sessions", None),
    ("DELETE", "/auth/sessions/1", None),
    ("POST", "/auth/logout-all", None),
    ("POST", "/auth/password/change", {"new_password": "four quiet herons wade"}),
    ("POST", "/auth/mfa/totp", {}),
    ("POST", "/auth/mfa/totp/disable", {"code": "123456"}),
    ("POST", "/payments/checkout", {"plan": "pro"}),
    ("POST", "/payments/portal", None),
    ("GET", "/payments/invoices", None),
    ("GET", "/payments/subscription", None),
    ("POST", "/payments/subscription/cancel", {"when": "now"}),
]


@pytest.fixture
def staff(db):
    return make_user(is_superuser=True)


@pytest.fixture
def desk(app, client, staff, settings):
    settings(FRONTEND_URL=FRONTEND)
    desk = Desk(app)
    desk.sign_in(staff)
    return desk


def start(desk, user, minutes="15", reason="They asked for help"):
    """Begin to act as a user, and return the code in the link."""
    page = desk.act("users", user.id, "impersonate", minutes=minutes, reason=reason)
    found = LINK.search(page.text)
    assert found, page.text
    return found[1]


def exchange(client, code):
    return client.post("/auth/impersonation", json={"code": code})


def acting(client, desk, user):
    """Begin to act as a user, and return the headers of requests."""
    return bearer(exchange(client, start(desk, user)).json()["access_token"])


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def status(client, headers):
    return client.get("/auth/me", headers=headers).status_code


def close():
    """Do what a worker does each minute."""
    with SessionLocal() as db, db.begin():
        job_kinds()["auth.close_impersonations"].run(db, {})


def test_staff_act_as_a_user_and_everyone_can_see_it(desk, client, staff, user):
    code = start(desk, user)
    answer = exchange(client, code)
    assert (answer.status_code, answer.json()["refresh_token"]) == (200, None)
    assert 880 < answer.json()["expires_in"] <= 900
    me = client.get("/auth/me", headers=bearer(answer.json()["access_token"])).json()
    assert (me["id"], me["impersonated_by"]) == (user.id, staff.id)
    assert client.get("/auth/me", headers=bearer(token_for(user))).json()["impersonated_by"] is None
    entry = newest_entry("users.impersonate")
    assert (entry.actor_id, entry.target) == (staff.id, f"users:{user.id}")
    assert entry.reason == "They asked for help"
    assert code not in entry.summary
    assert f"/admin/row/users/{user.id}" in desk.get("/list/impersonations").text


def test_a_code_works_once_and_for_nothing_else(desk, client, user):
    code = start(desk, user)
    assert exchange(client, code).status_code == 200
    again = exchange(client, code)
    assert (again.status_code, again.json()["code"]) == (400, "invalid_token")
    assert client.post("/auth/verify-email", json={"token": start(desk, user)}).status_code == 400


@pytest.mark.parametrize("closed", CLOSED, ids=lambda closed: f"{closed[0]} {closed[1]}")
def test_what_only_the_user_may_do_is_refused(desk, client, user, closed):
    (method, path, body), headers = closed, acting(client, desk, user)
    answer = client.request(method, path, json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_while_impersonating")
    assert status(client, headers) == 200


def test_staff_can_write_content_as_the_user(desk, client, user):
    headers = acting(client, desk, user)
    made = client.post("/blog/posts", json={"title": "For Ada", "content": "x"}, headers=headers)
    assert (made.status_code, made.json()["author"]["username"]) == (201, user.username)
    assert client.get("/payments/entitlements", headers=headers).status_code == 200


def test_the_user_does_not_see_the_session_but_can_end_it(desk, client, user):
    headers, own = acting(client, desk, user), bearer(token_for(user))
    assert [one["current"] for one in client.get("/auth/sessions", headers=own).json()] == [True]
    assert client.post("/auth/logout-all", headers=own).status_code == 204
    assert status(client, headers) == 401
    close()
    assert len(entries("users.impersonation-end")) == 1


def test_the_button_ends_it_and_the_end_is_recorded_once(desk, client, staff, user):
    headers = acting(client, desk, user)
    assert client.post("/auth/logout", headers=headers).status_code == 204
    assert status(client, headers) == 401
    close()
    (entry,) = entries("users.impersonation-end")
    assert (entry.actor_id, entry.target) == (staff.id, f"users:{user.id}")


def test_it_ends_when_staff_sign_out_of_the_admin(desk, client, user):
    headers = acting(client, desk, user)
    desk.post("/logout")
    assert status(client, headers) == 401
    assert len(entries("users.impersonation-end")) == 1


def test_the_list_of_the_admin_ends_it(desk, client, user, db):
    headers = acting(client, desk, user)
    row_id = db.scalars(select(Impersonation.id)).one()
    assert desk.act("impersonations", row_id, "end").status_code == 303
    assert status(client, headers) == 401
    assert desk.act("impersonations", row_id, "end").status_code == 409
    assert len(entries("users.impersonation-end")) == 1


def test_acting_as_the_next_user_ends_it(desk, client, user):
    first = acting(client, desk, user)
    second = acting(client, desk, make_user())
    assert [status(client, headers) for headers in (first, second)] == [401, 200]


@pytest.mark.parametrize(
    "change",
    [
        update(LoginSession).values(expires_at=clock.now(-timedelta(seconds=1))),
        update(User).where(User.is_superuser).values(is_superuser=False),
        update(User).where(User.is_superuser).values(is_active=False),
        update(User).values(is_superuser=True),
    ],
    ids=["time", "role", "disabled", "promoted"],
)
def test_it_ends_with_the_time_and_the_rights(desk, client, user, db, change):
    headers = acting(client, desk, user)
    db.execute(change)
    assert status(client, headers) == 401
    posted = client.post("/blog/posts", json={"title": "a", "content": "b"}, headers=headers)
    assert posted.status_code == 401
    close()
    assert len(entries("users.impersonation-end")) == 1


@pytest.mark.parametrize(
    "columns", [{"is_superuser": True}, {"is_active": False}, {"is_verified": False}]
)
def test_some_accounts_cannot_be_impersonated(desk, columns):
    other = make_user(**columns)
    assert "/impersonate" not in desk.get(f"/row/users/{other.id}").text
    answer = desk.act("users", other.id, "impersonate", minutes="5")
    assert answer.status_code == 409
    assert entries("users.impersonate") == []


@pytest.mark.parametrize("minutes", ["0", "31", "-1", "x", "1.5", "²"])
def test_half_an_hour_is_the_longest(desk, user, minutes):
    answer = desk.act("users", user.id, "impersonate", minutes=minutes)
    assert (answer.status_code, "“Minutes”" in answer.text) == (422, True)
    assert entries("users.impersonate") == []


def test_a_reason_and_a_fresh_sign_in_are_needed(desk, user, db):
    assert desk.act("users", user.id, "impersonate", minutes="5", reason="").status_code == 422
    db.execute(update(LoginSession).values(created_at=clock.now(-timedelta(hours=1))))
    assert db.scalars(select(Impersonation)).all() == []


@pytest.mark.parametrize("wanted", [True, False])
def test_the_user_gets_an_email_if_the_setting_says_so(desk, user, db, settings, wanted):
    settings(IMPERSONATION_MAILS=str(wanted))
    start(desk, user)
    subjects = db.scalars(select(Mail.subject).where(Mail.recipient == user.email)).all()
    assert subjects == (["Our staff signed in to your account"] if wanted else [])


def test_a_disabled_user_gets_no_token_for_an_open_code(desk, client, user, staff):
    code = start(desk, user)
    with SessionLocal() as db, db.begin():
        moderation.disable_account(db, user.id, by=staff.id)
    assert exchange(client, code).status_code == 400


def test_the_token_opens_nothing_of_staff_and_is_not_refreshed(desk, client, user):
    headers = acting(client, desk, user)
    assert client.get("/payments/admin/events", headers=headers).status_code == 403
    session = client.post("/auth/refresh", json={"refresh_token": "cookie"})
    assert session.status_code == 401
