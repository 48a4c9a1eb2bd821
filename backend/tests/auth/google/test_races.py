"""A person returns from Google while another request changes the same account.

    journey   ask Google ............ answer arrives, lock user (waits) .... → refused
    owner                 lock user, change something .............. commit

Commits are real.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import select

from app.core.errors import AppError
from app.db.database import SessionLocal
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.google import identities, journey
from app.routers.auth.google.gateway import openid
from app.routers.auth.google.identities import AccountExists
from app.routers.auth.google.journey import InvalidState
from app.routers.auth.models import Identity, LoginSession, OneTimeToken
from app.routers.auth.passwords import changing
from app.routers.auth.schemas import GoogleAnswer, PasswordReset
from app.routers.auth.sessions.login_sessions import live_sessions
from tests.auth.factories import make_user, token_for
from tests.auth.steps import NEW_PASSWORD

HERE = Client("192.0.2.1", "tests")
BROWSER = "x" * 43
ENOUGH = 0.7  # seconds; a request that does not wait for our lock ends long before


@pytest.fixture
def come_back(committed, impostor):
    """`come_back(url, meanwhile)` returns the outcome of a sign-in that is overtaken.

    `meanwhile(db)` runs while the application waits for Google. The locks that
    `meanwhile` takes are held while Google responds, and released while the sign-in
    waits for them.
    """
    asked, answers = Event(), Event()

    def hold(claims):
        asked.set()
        answers.wait(60)
        return impostor.sign(claims)

    impostor.id_token = hold

    def go(url, meanwhile):
        begun = dict(parse_qsl(urlsplit(url).query))
        impostor.vouch("ada", "ada@example.com", begun["nonce"])
        answer = GoogleAnswer(code="made up", state=begun["state"])
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(journey.arrive_from_google, answer, BROWSER, HERE)
            assert asked.wait(60)
            with SessionLocal() as db, db.begin():
                meanwhile(db)
                answers.set()
                with pytest.raises(TimeoutError):
                    waiting.result(ENOUGH)
            try:
                return waiting.result(60)
            except AppError as error:
                return type(error)

    return go


def no_code_was_given_out():
    with SessionLocal() as db:
        return (
            db.scalar(select(OneTimeToken).where(OneTimeToken.purpose == Purpose.GOOGLE_EXCHANGE))
            is None
        )


def test_a_link_does_not_outlive_a_reset_that_runs_meanwhile(come_back):
    """Requirement 20: a password reset takes the account away from everyone who has a
    session.
    """
    user = make_user()
    token_for(user)
    with SessionLocal() as db, db.begin():
        session = db.scalars(live_sessions().where(LoginSession.user_id == user.id)).one()
        url = journey.begin_link(db, openid.provider_configuration(), BROWSER, session)
        link = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    reset = PasswordReset(token=link, new_password=NEW_PASSWORD)
    assert come_back(url, lambda db: changing.reset_password(db, reset, HERE)) is InvalidState
    with SessionLocal() as db:
        assert db.scalar(select(Identity)) is None
    assert no_code_was_given_out()


def test_who_is_unlinked_meanwhile_does_not_come_in(come_back, impostor):
    """Unlinking deletes the codes that have been issued and not used yet.

    So no code may be issued after that, because nothing would delete it.
    """
    user = make_user(email="ada@example.com")
    with SessionLocal() as db, db.begin():
        db.add(Identity(user_id=user.id, issuer=impostor.url, subject="ada"))
    url = journey.begin_sign_in(openid.provider_configuration(), BROWSER, "", None)
    assert come_back(url, lambda db: identities.unlink_identity(db, user, HERE)) is AccountExists
    assert no_code_was_given_out()
