"""An auditor finds one record for each event, and no secret in any record."""

import io
import json

import pytest
from sqlalchemy import select

from app.core.config import get_settings
from app.core.logging import configure_logging
from app.routers.auth.models import SecurityEvent
from tests.auth.factories import PASSWORD, make_user
from tests.auth.letters import last_token
from tests.auth.steps import NEW_PASSWORD, bearer, refresh, sign_in

WRONG = "wrong horse battery staple"

pytestmark = pytest.mark.usefixtures(
    "clock"
)  # counting windows begin at round times, and the real time may be just before a round time


@pytest.fixture
def records(client):
    """The log records as they are written, in JSON.

    `records()` returns the records of security events, and `records.text` has all
    records.
    """
    stream = io.StringIO()
    configure_logging(get_settings().model_copy(update={"log_format": "json"}), stream)

    class Records:
        def __call__(self):
            found = (json.loads(line) for line in stream.getvalue().splitlines())
            return [record for record in found if "security_event" in record]

        @property
        def text(self):
            return stream.getvalue()

    return Records()


def kinds(records):
    return [record["security_event"] for record in records()]


def rows(db):
    return list(db.scalars(select(SecurityEvent).order_by(SecurityEvent.id)))


def test_each_sign_in_attempt_is_one_log_record_and_one_row(client, db, records):
    """Requirement 56."""
    user = make_user()
    sign_in(client, user, headers={"User-Agent": "tests"})
    sign_in(client, user, WRONG)
    sign_in(client, make_user(email="gone@example.org", is_active=False), WRONG)
    assert kinds(records) == ["login", "login_failed", "login_failed"]
    assert [record["level"] for record in records()] == ["info", "warning", "warning"]
    assert [(row.kind, row.ip_address) for row in rows(db)] == [
        (kind, "testclient") for kind in kinds(records)
    ]
    assert [record["user_id"] for record in records()] == [row.user_id for row in rows(db)]
    assert records()[0]["request_id"]


def test_a_lock_out_is_one_row_however_often_it_is_tried_again(client, db, records):
    """Requirement 56."""
    user = make_user()
    for _ in range(13):
        sign_in(client, user, WRONG)
    assert [row.kind for row in rows(db)] == ["login_failed"] * 10 + ["locked_out"]
    assert kinds(records).count("locked_out") == 1
    assert kinds(records).count("rate_limited") == 3


def test_the_reuse_of_a_refresh_token_is_noted(client, db, records, clock):
    """Requirements 17 and 56."""
    first = sign_in(client, make_user()).json()
    refresh(client, first)
    clock.shift(11)
    refresh(client, first)
    refresh(client, first)
    assert kinds(records) == ["login", "refresh_reuse"]
    assert [row.kind for row in rows(db)] == ["login", "refresh_reuse"]


def test_every_change_of_a_credential_is_noted_once(client, db, records):
    """Requirement 56."""
    form = {"username": "ada.lovelace", "email": "ada@example.org", "password": PASSWORD}
    client.post("/auth/register", json=form)
    client.post("/auth/verify-email", json={"token": last_token("ada@example.org", "verify-email")})
    client.post("/auth/password/forgot", json={"email": "ada@example.org"})
    token = last_token("ada@example.org", "reset-password")
    client.post("/auth/password/reset", json={"token": token, "new_password": NEW_PASSWORD})
    data = {"username": "ada.lovelace", "password": NEW_PASSWORD}
    headers = bearer(client.post("/auth/token", data=data).json())
    body = {"current_password": NEW_PASSWORD, "new_password": PASSWORD}
    client.post("/auth/password/change", json=body, headers=headers)
    client.patch("/auth/me", json={"username": "countess"}, headers=headers)
    client.post(
        "/auth/email-change",
        json={"new_email": "new@example.org", "password": PASSWORD},
        headers=headers,
    )
    token = last_token("new@example.org", "confirm-email")
    client.post("/auth/email-change/confirm", json={"token": token})
    client.post("/auth/delete-account", json={"password": PASSWORD}, headers=headers)
    expected = ["email_verified", "password_reset", "login", "password_changed", "username_changed"]
    expected += ["email_change_asked", "email_changed", "account_deleted"]
    assert kinds(records) == expected
    assert [row.kind for row in rows(db)] == expected


def test_no_secret_is_in_any_record_or_row(client, db, records):
    """Requirement 55."""
    user = make_user()
    given = sign_in(client, user).json()
    sign_in(client, user, WRONG)
    client.post("/auth/password/forgot", json={"email": user.email})
    token = last_token(user.email, "reset-password")
    client.post(f"/auth/verify-email?token={token}", json={"token": token})
    client.post("/auth/password/reset", json={"token": token, "new_password": NEW_PASSWORD})
    client.post("/auth/refresh", json={"refresh_token": given["refresh_token"]})
    everything = records.text + "".join(row.facts for row in rows(db))
    secrets = [
        PASSWORD,
        WRONG,
        NEW_PASSWORD,
        token,
        given["refresh_token"],
        given["access_token"],
        "argon2",
    ]
    assert not [secret for secret in secrets if secret in everything]


def test_a_limit_that_is_reached_says_whose_it_was_and_no_name(client, db, records, from_address):
    """Requirements 55 and 56: addresses are logged as they are.

    A user may type a password in the place of a name. So the log contains a value that
    is derived from the name, but not the name.
    """
    typed = "Hunter2.is.my.password"
    for address in ["198.51.100.7"] * 12 + ["2001:db8:1:2::3"] * 12:
        from_address(address).post("/auth/token", data={"username": typed, "password": WRONG})
    keys = [record["key"] for record in records() if record["security_event"] == "rate_limited"]
    assert [key[0] for key in keys] == ["198.51.100.7"] * 2 + ["2001:db8:1:2::/64"] * 2
    assert len({key[1] for key in keys}) == 1
    assert typed.casefold() not in records.text.casefold()


def test_a_suppressed_email_is_logged_by_kind_without_recipient(client, db, records):
    """Requirements 55 and 56."""
    for _ in range(6):
        client.post("/auth/password/forgot", json={"email": "ada@example.org"})
    assert [record["limit"] for record in records()] == ["reset mails to one address"]
    assert len(records()[0]["key"]) == 1
    assert "ada@" not in records.text


def test_a_refused_password_of_who_is_signed_in_is_a_row(client, db, records):
    """Requirement 56: in a stolen session, a wrong password is like a failed
    sign-in.
    """
    user = make_user()
    token = sign_in(client, user).json()
    change = {"current_password": WRONG, "new_password": NEW_PASSWORD}
    for path, body in (("password/change", change), ("mfa/totp", {"password": WRONG})):
        client.post(f"/auth/{path}", json=body, headers=bearer(token))
    refused = [row for row in rows(db) if row.kind == "password_refused"]
    assert [(row.user_id, row.ip_address) for row in refused] == [(user.id, "testclient")] * 2
    assert all('"session_id": ' in row.facts for row in refused)
    assert kinds(records) == ["login", "password_refused", "password_refused"]


BODIES = {
    "/auth/register": {"username": "ada.lovelace", "email": "ada@example.org", "password": WRONG},
    "/auth/verify-email": {"token": "guessed-token-0123456789"},
    "/auth/verify-email/resend": {"email": "ada@example.org"},
    "/auth/password/forgot": {"email": "ada@example.org"},
    "/auth/password/reset": {"token": "guessed-token-0123456789", "new_password": WRONG},
    "/auth/password/change": {"current_password": WRONG, "new_password": WRONG},
    "/auth/email-change": {"new_email": "ada@example.org", "password": WRONG},
    "/auth/email-change/confirm": {"token": "guessed-token-0123456789"},
    "/auth/delete-account": {"password": WRONG},
    "/auth/refresh": {"refresh_token": "guessed-token-0123456789"},
}
SHAPE = {"type", "title", "status", "detail", "code", "request_id"}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "hostile", ["\0", "\r\nBcc: eve@example.org", "x" * 100_000, 5, None, [], {"a": 1}, True]
)
def test_every_refusal_has_the_one_shape_and_repeats_nothing(client, db, login, path, hostile):
    """Requirements 41 and 54: each request has a hostile value in one field."""
    login(make_user())
    for field in BODIES[path]:
        answer = client.post(path, json=BODIES[path] | {field: hostile})
        if answer.status_code < 400:
            assert "password" in field, (path, field)  # a password may be any text
            continue
        problem = answer.json()
        assert set(problem) - {"errors"} == SHAPE, (path, field)
        assert problem["request_id"] == answer.headers["X-Request-ID"]
        assert WRONG not in answer.text
        assert "guessed-token" not in answer.text
        assert not isinstance(hostile, str) or hostile not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [path for path in BODIES if path != "/auth/refresh"])
@pytest.mark.parametrize("field", ["id", "user_id", "is_superuser", "is_verified", "session"])
def test_a_field_that_is_not_asked_for_is_refused(client, db, login, path, field):
    """Requirement 34."""
    login(make_user())
    assert client.post(path, json=BODIES[path] | {field: 1}).status_code == 422, field
