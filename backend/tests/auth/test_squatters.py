"""A stranger registers with the email address of Ada (requirement 28).

After Ada has registered with her address, too, no link in an email keeps the stranger's
password.
"""

import pytest
from sqlalchemy import func, select

from app.routers.auth import service
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import Identity, LoginSession, OneTimeToken, RecoveryCode, Totp, User
from app.routers.auth.sessions.login_sessions import open_session
from tests.auth.factories import PASSWORD, make_user
from tests.auth.letters import last_token, letters_to
from tests.auth.phones import phone_of
from tests.auth.steps import NEW_PASSWORD, lives, outcome, row_of
from tests.auth.steps import sign_in as sign_in_by_email

HERS = "ada@example.org"
STRANGER = {"username": "stranger", "email": HERS, "password": "what the stranger knows"}
ADA = {"username": "ada.lovelace", "email": HERS, "password": PASSWORD}


def register(client, form):
    assert client.post("/auth/register", json=form).status_code == 202


def sign_in(client, password):
    return client.post("/auth/token", data={"username": HERS, "password": password})


def resend(client):
    assert client.post("/auth/verify-email/resend", json={"email": HERS}).status_code == 202


def reset(client, token):
    return client.post("/auth/password/reset", json={"token": token, "new_password": NEW_PASSWORD})


def pages(mails):
    return [
        "reset-password" if "/reset-password?" in mail.text else "verify-email" for mail in mails
    ]


def test_a_second_registrations_link_replaces_the_password(client, db):
    """Requirement 28."""
    register(client, STRANGER)
    register(client, ADA)
    assert set(pages(letters_to(HERS))) == {"reset-password"}
    assert reset(client, last_token(HERS, "reset-password")).status_code == 204
    assert outcome(sign_in(client, STRANGER["password"])) == (401, "invalid_credentials")
    assert sign_in(client, NEW_PASSWORD).status_code == 200
    assert db.scalar(select(User.is_verified).where(User.email == HERS))


def test_a_link_to_verify_that_was_sent_before_is_dead(client, db):
    """Requirement 28."""
    register(client, STRANGER)
    earlier = last_token(HERS, "verify-email")
    register(client, ADA)
    assert outcome(client.post("/auth/verify-email", json={"token": earlier})) == (
        400,
        "invalid_token",
    )
    assert not db.scalar(select(User.is_verified).where(User.email == HERS))


def test_a_link_requested_again_replaces_the_password_too(client, db):
    """Requirement 28."""
    register(client, STRANGER)
    register(client, ADA)
    letters_to(HERS)
    resend(client)
    assert pages(letters_to(HERS))[-1] == "reset-password"


@pytest.mark.parametrize("hours", [1, 23, 24, 25, 30])
def test_she_never_gets_a_link_that_keeps_the_strangers_password(client, db, clock, hours):
    """Requirement 28: this is true whether Ada's own registration or the stranger's
    account expires first.
    """
    register(client, STRANGER)
    earlier = last_token(HERS, "verify-email")
    clock.shift(3600)
    register(client, ADA)
    letters_to(HERS)
    clock.shift(hours * 3600 - 30)
    with_purge_late(client, db)
    resend(client)
    assert "verify-email" not in pages(letters_to(HERS)[1:])
    assert outcome(client.post("/auth/verify-email", json={"token": earlier})) == (
        400,
        "invalid_token",
    )


def with_purge_late(client, db):
    """Run jobs as if workers had been stopped for a day, so that no purge has run."""
    from app.platform.models import Job

    for job in db.scalars(select(Job).where(Job.kind == "purge.users")):
        job.due_at = None
    db.commit()


def test_who_registered_alone_gets_a_link_to_verify_each_time(client, db):
    register(client, ADA)
    resend(client)
    assert pages(letters_to(HERS)) == ["verify-email", "verify-email"]
    token = last_token(HERS, "verify-email")
    assert client.post("/auth/verify-email", json={"token": token}).status_code == 204
    assert sign_in(client, PASSWORD).status_code == 200


def test_registering_again_does_not_change_the_waiting_account(client, db):
    """Requirement 1."""
    register(client, STRANGER)
    waiting = db.scalar(select(User))
    before = row_of(waiting)
    register(client, ADA)
    letters_to(HERS)
    assert row_of(waiting) == before


@pytest.fixture
def squatted(db):
    """An account with Ada's unverified address, and with everything that a stranger
    could leave in it.
    """
    user = make_user(email=HERS, is_verified=False)
    phone_of(user)
    db.add(Identity(user_id=user.id, issuer="https://accounts.google.com", subject="stranger"))
    token = open_session(db, user, Client("192.0.2.9", "stranger")).model_dump()
    for purpose in Purpose:
        one_time_tokens.issue(db, purpose, user_id=user.id, data={"email": "evil@example.org"})
    db.commit()
    return user, token


def left_of(db, user):
    rows = (
        select(func.count()).select_from(table).where(table.user_id == user.id)
        for table in (Totp, RecoveryCode)
    )
    tables = (OneTimeToken, Identity)
    more = (
        select(func.count()).select_from(table).where(table.user_id == user.id) for table in tables
    )
    live = select(func.count()).select_from(LoginSession).where(LoginSession.ended_at.is_(None))
    return [db.scalar(count) for count in (*rows, *more, live)]


def test_her_new_password_shuts_the_stranger_out_for_good(client, db, squatted):
    """Requirements 12, 20 and 28."""
    user, token = squatted
    client.post("/auth/password/forgot", json={"email": HERS})
    assert reset(client, last_token(HERS, "reset-password")).status_code == 204
    assert left_of(db, user) == [0] * 5
    assert not lives(client, token)
    assert sign_in_by_email(client, user, NEW_PASSWORD).status_code == 200


def test_promoting_such_an_account_shuts_the_stranger_out(db, squatted):
    """Requirement 28."""
    user, _ = squatted
    service.make_superuser(db, email=HERS, username="ada.lovelace", password=NEW_PASSWORD)
    assert left_of(db, user) == [0] * 5
