"""A change of the email address needs the password, and a link in the new mailbox."""

import pytest
from sqlalchemy import select

from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import OneTimeToken, User
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.auth.letters import last_token, letters_to
from tests.auth.steps import bearer, events_of, lives, outcome, row_of, sign_in

NEW = "new@example.org"
FORM = {"username": "ada.lovelace", "password": PASSWORD}


def ask(client, token, **body):
    return client.post(
        "/auth/email-change",
        json={"new_email": NEW, "password": PASSWORD} | body,
        headers=bearer(token),
    )


def confirm(client, token):
    return client.post("/auth/email-change/confirm", json={"token": token})


def test_the_link_changes_the_address_and_the_old_one_is_told(client, db):
    """Requirement 23."""
    user = make_user()
    token = sign_in(client, user).json()
    assert ask(client, token).status_code == 202
    link = last_token(NEW, "confirm-email")
    assert client.get("/auth/me", headers=bearer(token)).json()["email"] == user.email
    assert confirm(client, link).status_code == 204
    assert client.get("/auth/me", headers=bearer(token)).json()["email"] == NEW
    assert [mail.subject for mail in letters_to(user.email)] == ["Your email address was changed"]
    assert sign_in(client, user).status_code == 401
    assert len(events_of(db, "email_changed", user)) == 1
    assert outcome(confirm(client, link)) == (400, "invalid_token")


def test_the_password_is_asked_for(client, db):
    """Requirement 23."""
    token = sign_in(client, make_user()).json()
    for wrong in ("wrong horse battery staple", None):
        assert outcome(ask(client, token, password=wrong)) == (401, "invalid_credentials")
    assert letters_to(NEW) == []


def test_an_account_without_a_password_needs_a_recent_sign_in(client, db, clock):
    """Requirement 23."""
    token = {"access_token": token_for(make_user(hashed_password=None))}
    assert ask(client, token, password=None).status_code == 202
    clock.shift(10 * 60 + 1)
    assert outcome(ask(client, token, password=None)) == (403, "session_not_fresh")


def test_a_taken_address_is_answered_alike_and_its_owner_is_told(client, db):
    """Requirement 1."""
    token, holder = sign_in(client, make_user()).json(), make_user()
    before = row_of(holder)
    free, taken = ask(client, token), ask(client, token, new_email=holder.email)
    assert (free.status_code, free.content, set(free.headers)) == (
        taken.status_code,
        taken.content,
        set(taken.headers),
    )
    assert [mail.subject for mail in letters_to(holder.email)] == ["You already have an account"]
    assert row_of(holder) == before
    assert db.scalars(select(OneTimeToken.purpose)).all().count(Purpose.CHANGE_EMAIL) == 1


def test_an_address_taken_meanwhile_is_refused(client, db):
    user = make_user()
    token = sign_in(client, user).json()
    ask(client, token)
    link = last_token(NEW, "confirm-email")
    make_user(email=NEW)
    assert outcome(confirm(client, link)) == (409, "email_taken")
    assert lives(client, token)
    assert row_of(user).email == user.email


def test_an_unverified_registration_does_not_block_the_address(client, db):
    client.post("/auth/register", json=FORM | {"email": NEW})
    user = make_user()
    ask(client, sign_in(client, user).json())
    assert confirm(client, last_token(NEW, "confirm-email")).status_code == 204
    assert db.scalars(select(User.username).where(User.email == NEW)).all() == [user.username]


def test_a_confirmed_change_kills_every_other_link(client, db):
    """Requirement 12."""
    user = make_user()
    reset = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    db.commit()
    ask(client, sign_in(client, user).json())
    assert confirm(client, last_token(NEW, "confirm-email")).status_code == 204
    body = {"token": reset, "new_password": "another long pass phrase"}
    assert outcome(client.post("/auth/password/reset", json=body)) == (400, "invalid_token")


def test_a_newer_request_or_an_hour_ends_the_older_link(client, db, clock):
    """Requirement 12."""
    token = sign_in(client, make_user()).json()
    ask(client, token)
    first = last_token(NEW, "confirm-email")
    ask(client, token, new_email="newer@example.org")
    second = last_token("newer@example.org", "confirm-email")
    assert outcome(confirm(client, first)) == (400, "invalid_token")
    clock.shift(3601)
    assert outcome(confirm(client, second)) == (400, "invalid_token")


def test_no_link_is_sent_for_a_session_that_has_ended(client, db):
    """Requirement 12: if a thief requested the change, the request ends with the
    session, even if its job is already waiting.
    """
    token = sign_in(client, make_user()).json()
    ask(client, token)
    client.post("/auth/logout-all", headers=bearer(token))
    assert letters_to(NEW) == []


@pytest.mark.parametrize(
    "unsafe",
    [
        "a@b.example\r\nBcc: eve@example.org",
        "Ada <ada@example.org>",
        "a@b.example,c@d.example",
        "a b@example.org",
    ],
)
def test_an_unsafe_address_is_refused(client, db, unsafe):
    """Requirement 47."""
    token = sign_in(client, make_user()).json()
    assert outcome(ask(client, token, new_email=unsafe)) == (422, "validation_error"), unsafe
    assert letters_to(NEW) == []
