"""A user changes the username of their account, or deletes the account."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.core.types import utc_now
from app.platform.jobs import job_runs
from app.platform.models import Lane, Mail
from app.routers.auth import hooks
from app.routers.auth.accounts import erasure
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.dependencies import SubscriptionActive, before_deletion
from app.routers.auth.models import (
    Identity,
    LoginSession,
    OneTimeToken,
    RecoveryCode,
    SecurityEvent,
    Totp,
    UsernameHold,
)
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.auth.letters import letters_to
from tests.auth.phones import phone_of
from tests.auth.steps import bearer, events_of, lives, outcome, refresh, row_of, sign_in

OWNED = (LoginSession, OneTimeToken, Identity, Totp, RecoveryCode)


def rename(client, token, username):
    return client.patch("/auth/me", json={"username": username}, headers=bearer(token))


def delete(client, token, password=PASSWORD):
    return client.post("/auth/delete-account", json={"password": password}, headers=bearer(token))


def test_a_deleted_accounts_events_and_mails_are_anonymous(client, db):
    """An email that is being sent at the time of the deletion keeps its address.

    The hourly housekeeping deletes that email, as it deletes all others.
    """
    user, other = make_user(), make_user()
    for one in (user, other):
        sign_in(client, one, "wrong horse battery staple")
    send_links(client, user, other)
    db.execute(update(Mail).values(sent_at=utc_now()))
    db.add(dead_letter_to(user))
    db.commit()
    send_links(client, user, other)
    assert delete(client, sign_in(client, user).json()).status_code == 204
    events = db.execute(
        select(SecurityEvent.kind, SecurityEvent.ip_address)
        .where(SecurityEvent.user_id == user.id)
        .order_by(SecurityEvent.id)
    )
    assert events.all() == [("login_failed", ""), ("login", ""), ("account_deleted", "")]
    assert [event.ip_address for event in events_of(db, "login_failed", other)] == ["testclient"]
    kept = select(Mail.recipient, Mail.subject).order_by(Mail.id)
    assert [row.recipient for row in db.execute(kept)] == [
        "",
        other.email,
        "",
        other.email,
        user.email,
    ]
    assert db.execute(kept).all()[-1].subject == "Your account was deleted"
    assert (
        db.scalar(
            select(func.count(Mail.id)).where(Mail.dead_at.is_not(None), Mail.body.is_not(None))
        )
        == 0
    )


def send_links(client, *users):
    for user in users:
        client.post("/auth/password/forgot", json={"email": user.email})
    letters_to("")


def dead_letter_to(user):
    at = utc_now()
    columns = {
        "recipient": user.email,
        "subject": "A dead letter",
        "body": b"encrypted",
        "message_id": "<1@localhost>",
    }
    return Mail(**columns, due_at=None, dead_at=at, give_up_at=at)


@pytest.fixture
def check(monkeypatch):
    """Return the decorator with which a feature registers a check.

    The check is removed after the test.
    """
    monkeypatch.setattr(hooks, "deletion_checks", list(hooks.deletion_checks))
    return before_deletion


def test_a_user_name_is_changed(client, db):
    user = make_user()
    token = sign_in(client, user).json()
    answer = rename(client, token, "Countess.Ada")
    assert (answer.status_code, answer.json()["username"]) == (200, "countess.ada")
    assert len(events_of(db, "username_changed", user)) == 1
    assert (
        client.patch("/auth/me", json={}, headers=bearer(token)).json()["username"]
        == "countess.ada"
    )


def test_a_taken_a_held_and_a_reserved_name_are_refused(client, db):
    """Requirement 46: every spelling of such a name is refused."""
    other = make_user(username="babbage")
    with db.begin_nested():
        db.add(UsernameHold(username="lovelace", expires_at=utc_now() + timedelta(hours=1)))
    token = sign_in(client, make_user()).json()
    for taken in (other.username, "BABBAGE", "\uff42abbage", "lovelace"):
        assert outcome(rename(client, token, taken)) == (409, "username_taken"), taken
    for unsafe in ("admin", "ab", "a\r\nBcc: b", "\u0430da", "a@b.example", None):
        assert rename(client, token, unsafe).status_code == 422, unsafe


@pytest.mark.parametrize(
    "field", ["id", "email", "is_superuser", "is_verified", "is_active", "hashed_password"]
)
def test_only_the_name_can_be_changed_there(client, db, field):
    """Requirement 34."""
    user = make_user()
    token, before = sign_in(client, user).json(), row_of(user)
    body = {"username": "somebody.else", field: 1}
    assert client.patch("/auth/me", json=body, headers=bearer(token)).status_code == 422
    assert row_of(user) == before


def test_nothing_of_the_person_stays(client, db):
    user = make_user()
    phone_of(user)
    db.add(Identity(user_id=user.id, issuer="https://accounts.google.com", subject="1"))
    one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    db.commit()
    assert delete(client, {"access_token": token_for(user)}).status_code == 204
    row = row_of(user)
    assert user.username not in row.username
    assert user.email not in row.email
    assert (row.hashed_password, row.is_active, row.is_verified, row.is_superuser) == (
        None,
        False,
        False,
        False,
    )
    for table in OWNED:
        assert db.scalar(select(func.count()).select_from(table)) == 0, table


def test_the_next_request_of_a_deleted_account_is_refused(client, db):
    """Requirement 21."""
    user = make_user()
    one, two = sign_in(client, user).json(), sign_in(client, user).json()
    assert delete(client, one).status_code == 204
    for token in (one, two):
        assert not lives(client, token)
        assert refresh(client, token).status_code == 401
    assert outcome(sign_in(client, user)) == (401, "invalid_credentials")


def test_the_owner_gets_a_last_mail_and_the_old_names_are_free(client, db):
    user = make_user()
    delete(client, sign_in(client, user).json())
    assert [mail.subject for mail in letters_to(user.email)] == ["Your account was deleted"]
    assert len(events_of(db, "account_deleted", user)) == 1
    form = {"username": user.username, "email": user.email, "password": PASSWORD}
    assert client.post("/auth/register", json=form).status_code == 202
    assert letters_to(user.email)[-1].subject == "Confirm your email address"


def test_the_password_is_asked_for(client, db):
    user = make_user()
    token, before = sign_in(client, user).json(), row_of(user)
    for wrong in ("wrong horse battery staple", None):
        assert outcome(delete(client, token, wrong)) == (401, "invalid_credentials")
    assert outcome(client.post("/auth/delete-account", headers=bearer(token))) == (
        401,
        "invalid_credentials",
    )
    assert row_of(user) == before


def test_an_account_without_a_password_needs_a_recent_sign_in(client, db, clock):
    user = make_user(hashed_password=None)
    old = {"access_token": token_for(user)}
    clock.shift(10 * 60 + 1)
    assert outcome(client.post("/auth/delete-account", headers=bearer(old))) == (
        403,
        "session_not_fresh",
    )
    fresh = {"access_token": token_for(user)}
    assert client.post("/auth/delete-account", headers=bearer(fresh)).status_code == 204


def test_another_feature_can_keep_an_account(client, db, check):
    @check
    def refuse(_db, _user):
        raise SubscriptionActive

    user = make_user()
    token, before = sign_in(client, user).json(), row_of(user)
    assert outcome(delete(client, token)) == (409, "subscription_active")
    assert row_of(user) == before
    assert lives(client, token)
    assert letters_to(user.email) == []


def test_what_is_too_much_for_the_request_is_erased_by_a_job(client, db, monkeypatch):
    """R19: an account that signed in very often can be deleted, too."""
    monkeypatch.setattr(erasure, "AT_ONCE", 2)
    user, other = make_user(), make_user()
    access_tokens = [token_for(user) for _ in range(5)]
    token_for(other)
    headers = {"Authorization": f"Bearer {access_tokens[-1]}"}
    assert (
        client.post(
            "/auth/delete-account", json={"password": PASSWORD}, headers=headers
        ).status_code
        == 204
    )
    theirs = select(func.count(LoginSession.id)).where(LoginSession.user_id == user.id)
    assert db.scalar(theirs) == 3
    assert {
        client.get("/auth/me", headers={"Authorization": f"Bearer {t}"}).status_code
        for t in access_tokens
    } == {401}
    while job_runs.run_next(lane=Lane.ASKED):
        pass
    db.expire_all()
    addressed = select(SecurityEvent.user_id).where(SecurityEvent.ip_address != "").distinct()
    assert (db.scalar(theirs), db.scalars(addressed).all()) == (0, [other.id])
    assert db.scalar(select(func.count(LoginSession.id))) == 1
