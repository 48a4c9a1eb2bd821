"""Identities decide who can sign in to which account, and what happens to a squatter.

See requirements 28 to 30.
"""

import pytest
from sqlalchemy import select

from app.core.config import get_settings
from app.db.database import SessionLocal
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import Identity, LoginSession, RecoveryCode, Totp, User
from app.routers.auth.sessions.login_sessions import open_session
from tests.auth.factories import PASSWORD, make_user
from tests.auth.google.conftest import said
from tests.auth.phones import phone_of
from tests.auth.steps import bearer, events_of, lives, outcome, refresh, row_of
from tests.auth.steps import sign_in as sign_in_by_password
from tests.support.mails import mails_to


def link(user, subject, issuer=None):
    with SessionLocal() as db, db.begin():
        db.add(
            Identity(
                user_id=user.id, issuer=issuer or get_settings().google_issuer, subject=subject
            )
        )


def subjects_of(db, user):
    return list(db.scalars(select(Identity.subject).where(Identity.user_id == user.id)))


@pytest.fixture
def squatted():
    """An account that a stranger made with Ada's address.

    The stranger has left a second factor, identities, a session and links in it.
    """
    user = make_user(email="ada@example.com", is_verified=False)
    phone_of(user)
    link(user, "squatter", "https://another.example")
    link(user, "squatter too")
    with SessionLocal() as db, db.begin():
        token = open_session(db, user, Client("192.0.2.9", "squatter")).model_dump()
        left = {
            purpose: one_time_tokens.issue(
                db, purpose, user_id=user.id, data={"email": "evil@example.com"}
            )
            for purpose in Purpose
        }
    return user, token, left


def test_an_owner_from_google_takes_a_squatted_account_over(client, db, journey, squatted, sign_in):
    """Requirement 28."""
    user, stolen, left = squatted
    told = said(sign_in("ada", "Ada@Example.com"))
    assert not lives(client, stolen)
    assert refresh(client, stolen).status_code == 401
    assert outcome(sign_in_by_password(client, user)) == (401, "invalid_credentials")
    assert subjects_of(db, user) == ["ada"]
    for table in (Totp, RecoveryCode):
        assert db.scalar(select(table).where(table.user_id == user.id)) is None
    for path, body in (
        ("verify-email", {"token": left[Purpose.VERIFY_EMAIL]}),
        (
            "password/reset",
            {"token": left[Purpose.RESET_PASSWORD], "new_password": "another long pass phrase"},
        ),
        ("email-change/confirm", {"token": left[Purpose.CHANGE_EMAIL]}),
        ("google/exchange", {"code": left[Purpose.GOOGLE_EXCHANGE]}),
    ):
        assert outcome(client.post(f"/auth/{path}", json=body)) == (400, "invalid_token"), path
    assert (
        outcome(
            client.post("/auth/token/mfa", json={"mfa_token": left[Purpose.MFA], "code": "000000"})
        )[0]
        == 401
    )
    token = journey.exchange(told["code"]).json()
    me = client.get("/auth/me", headers=bearer(token)).json()
    assert (me["id"], me["is_verified"], me["has_password"], me["has_google"]) == (
        user.id,
        True,
        False,
        True,
    )
    assert len(events_of(db, "account_taken_over", user)) == 1


@pytest.mark.parametrize("word", [False, "false", "true", 1, None, "", []])
@pytest.mark.parametrize("kind", ["verified", "never verified", "linked"])
def test_an_unverified_google_address_opens_no_account(db, impostor, sign_in, word, kind):
    """Requirement 29."""
    user = make_user(email="ada@example.com", is_verified=kind != "never verified")
    if kind == "linked":
        link(user, "ada")
    before, links = row_of(user), subjects_of(db, user)
    assert said(sign_in("ada", "ada@example.com", email_verified=word)) == {
        "error": "google_email_not_verified"
    }
    assert (row_of(user), subjects_of(db, user)) == (before, links)


@pytest.mark.parametrize("word", [False, "false", None])
def test_an_unverified_google_address_is_not_linked(db, ask_to_link, journey, impostor, word):
    """Requirement 29."""
    user = ask_to_link(make_user(email="ada@example.com"))
    impostor.vouch("ada", "ada@example.com", journey.asked["nonce"], email_verified=word)
    assert said(journey.come_back()) == {"error": "google_email_not_verified"}
    assert subjects_of(db, user) == []


def test_the_same_subject_with_a_new_address_is_the_same_account(client, db, journey, sign_in):
    """Requirement 30."""
    first = journey.exchange(said(sign_in("ada", "ada@example.com"))["code"]).json()
    again = journey.exchange(said(sign_in("ada", "countess@example.org"))["code"]).json()
    mine, still_mine = (
        client.get("/auth/me", headers=bearer(token)).json() for token in (first, again)
    )
    assert mine == still_mine
    assert mine["email"] == "ada@example.com"


@pytest.mark.parametrize("linked", [True, False])
def test_a_new_subject_with_a_known_address_takes_nothing_over(db, impostor, sign_in, linked):
    """Requirement 30."""
    user = make_user(email="ada@example.com")
    if linked:
        link(user, "ada")
    before = row_of(user)
    assert said(sign_in("somebody", "ADA@example.com")) == {"error": "account_exists"}
    assert row_of(user) == before
    assert subjects_of(db, user) == (["ada"] if linked else [])
    assert db.scalar(select(LoginSession)) is None


def test_a_subject_that_differs_in_capitals_is_another_person(db, sign_in):
    """Requirement 30: this also holds on MySQL, whose collation treats the two as
    equal.
    """
    sign_in("abc", "ada@example.com")
    other = said(sign_in("ABC", "eve@example.com"))
    ada = db.scalar(select(User).where(User.email == "ada@example.com"))
    assert subjects_of(db, ada) == ["abc"]
    assert "error" in other or db.scalar(select(User).where(User.email == "eve@example.com"))


def test_a_user_links_a_google_account_and_signs_in_with_it(
    client, db, ask_to_link, journey, impostor
):
    user = ask_to_link(make_user())
    impostor.vouch("ada", "elsewhere@example.org", journey.asked["nonce"])
    assert journey.exchange(said(journey.come_back())["code"]).status_code == 200
    assert client.get("/auth/me").json()["has_google"] is True
    assert [mail.subject for mail in mails_to(user.email)] == ["You can now sign in with Google"]
    assert outcome(client.post("/auth/google/link")) == (409, "google_already_linked")
    assert len(events_of(db, "google_linked", user)) == 1


def test_a_google_account_belongs_to_one_account(db, ask_to_link, journey, impostor):
    link(make_user(), "ada")
    user = ask_to_link(make_user())
    impostor.vouch("ada", "ada@example.com", journey.asked["nonce"])
    assert said(journey.come_back()) == {"error": "google_account_taken"}
    assert subjects_of(db, user) == []


def test_linking_needs_somebody_who_is_signed_in(client, db, impostor):
    assert outcome(client.post("/auth/google/link")) == (401, "not_authenticated")


@pytest.mark.parametrize("columns", [{}, {"hashed_password": None}])
@pytest.mark.usefixtures("impostor")
def test_linking_needs_a_recent_sign_in_even_with_a_password(client, db, clock, login, columns):
    """Someone who stole a session cannot add a way to sign in that outlives the
    session.

    The sign-in does not become more recent when its session is used or refreshed.
    """
    user = login(make_user(**columns))
    clock.shift(599)
    assert client.post("/auth/google/link").status_code == 200
    clock.shift(2)
    assert outcome(client.post("/auth/google/link")) == (403, "session_not_fresh")
    login(user)
    assert client.post("/auth/google/link").status_code == 200


def test_who_has_a_second_factor_is_asked_for_it_after_google(db, journey, impostor, sign_in):
    user = make_user(email="ada@example.com")
    phone_of(user)
    link(user, "ada")
    answer = journey.exchange(said(sign_in("ada", "ada@example.com"))["code"])
    assert outcome(answer) == (401, "mfa_required")
    assert answer.json()["mfa_token"]


def test_unlinking_asks_for_the_password_and_tells_the_owner(client, db, login, impostor):
    user = login(make_user())
    link(user, "ada")
    assert outcome(client.post("/auth/google/unlink")) == (401, "invalid_credentials")
    assert outcome(client.post("/auth/google/unlink", json={"password": "wrong"})) == (
        401,
        "invalid_credentials",
    )
    assert subjects_of(db, user) == ["ada"]
    assert client.post("/auth/google/unlink", json={"password": PASSWORD}).status_code == 204
    assert client.post("/auth/google/unlink", json={"password": PASSWORD}).status_code == 204
    assert client.get("/auth/me").json()["has_google"] is False
    assert [mail.subject for mail in mails_to(user.email)] == ["Google sign-in was removed"]
    assert len(events_of(db, "google_unlinked", user)) == 1


def test_the_last_way_in_stays(client, db, journey, sign_in):
    """Requirement 23."""
    token = journey.exchange(said(sign_in("ada", "ada@example.com"))["code"]).json()
    client.headers.update(bearer(token))
    assert outcome(client.post("/auth/google/unlink")) == (409, "last_way_in")
    assert client.get("/auth/me").json()["has_google"] is True


def test_without_a_password_unlinking_needs_a_recent_sign_in(client, db, clock, journey, sign_in):
    token = journey.exchange(said(sign_in("ada", "ada@example.com"))["code"]).json()
    clock.shift(601)
    assert outcome(client.post("/auth/google/unlink", headers=bearer(token))) == (
        403,
        "session_not_fresh",
    )
