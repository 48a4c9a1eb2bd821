"""A request that had to wait for a password reset is refused, because the reset has
ended the request's session or token.

The tests run two sessions on one database. Both want the lock on the user's row:

    reset    lock user ........ end sessions and links, commit
    request            lock user (waits) ................. → 401, nothing is written

SQLite is left out, because only one session can write there at a time.
"""

import pytest
from sqlalchemy import select

from app.core.errors import Unauthenticated
from app.core.types import utc_now
from app.routers.auth.accounts import own_account
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.google import journey
from app.routers.auth.google.gateway import provider
from app.routers.auth.mfa import second_factor, totp
from app.routers.auth.mfa.second_factor import InvalidCode
from app.routers.auth.models import OneTimeToken
from app.routers.auth.passwords import changing
from app.routers.auth.schemas import EmailChange, Login, PasswordReset, UsernameChange
from app.routers.auth.sessions import login_sessions, reauthentication, refreshing
from app.routers.auth.sessions.reauthentication import InvalidCredentials
from app.routers.auth.sessions.refreshing import InvalidRefreshToken
from app.routers.auth.sign_in import with_password
from tests.auth.factories import PASSWORD, make_user
from tests.auth.phones import phone_of
from tests.auth.steps import NEW_PASSWORD, row_of

pytestmark = pytest.mark.only("postgresql", "mysql")

HERE = Client("192.0.2.1", "tests")

NEW = "new@example.org"


def reset(db, user):
    """Reset the password with a link."""
    token = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    changing.reset_password(db, PasswordReset(token=token, new_password=NEW_PASSWORD), HERE)


def purposes(committed):
    with committed() as db:
        return list(db.scalars(select(OneTimeToken.purpose)))


def ask_for_change(db, thief, _stolen):
    own_account.ask_for_email_change(db, thief, EmailChange(new_email=NEW, password=None), HERE)


def rename(db, thief, _stolen):
    own_account.update_account(db, thief, UsernameChange(username="thief"), HERE)


def delete(db, thief, _stolen):
    own_account.delete_account(db, thief, PASSWORD, HERE)


def change_password(_db, thief, _stolen):
    reauthentication.require_owner(thief, PASSWORD, HERE)


def begin_link(db, thief, _stolen):
    nowhere = provider.Configuration(*["https://accounts.example.com"] * 3)
    journey.begin_link(db, nowhere, "x" * 43, thief)


def refresh(db, _thief, stolen):
    refreshing.refresh(db, stolen.refresh_token, HERE)


def sign_in(db, thief, _stolen):
    with_password.sign_in(db, Login(username=thief.user.email, password=PASSWORD), HERE)


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (rename, Unauthenticated),
        (delete, Unauthenticated),
        (change_password, Unauthenticated),
        (begin_link, Unauthenticated),
        (refresh, InvalidRefreshToken),
        (sign_in, InvalidCredentials),
    ],
)
def test_what_waits_for_a_reset_is_refused_afterwards(meanwhile, call, refusal):
    """Requirement 20."""
    user = make_user()
    with meanwhile(user, call) as (db, waiting):
        reset(db, user)
    assert waiting.result(30) is refusal
    row = row_of(user)
    assert (row.username, row.is_active) == (user.username, True)


def test_a_passwordless_request_overtaken_by_a_reset_is_refused(meanwhile, committed):
    """Requirements 12 and 20."""
    user = make_user(hashed_password=None)
    with meanwhile(user, ask_for_change) as (db, waiting):
        reset(db, user)
    assert waiting.result(30) is Unauthenticated
    assert purposes(committed) == []


def test_an_email_change_job_overtaken_by_a_reset_sends_no_link(meanwhile, committed):
    """Requirement 12: the link would outlive the reset and give the account away."""
    user = make_user()

    def send(db, thief, _stolen):
        own_account.send_email_change(db, thief.id, NEW)

    with meanwhile(user, send) as (db, waiting):
        reset(db, user)
    assert waiting.result(30) is None
    assert purposes(committed) == []


def test_a_second_factor_that_waits_for_a_reset_is_not_set_up(meanwhile, committed):
    """Requirement 20."""
    user = make_user()
    with committed() as db, db.begin():
        login_sessions.open_session(db, user, HERE)
        session = db.scalar(login_sessions.live_sessions())
        secret = second_factor.set_up(db, session, PASSWORD, HERE).secret

    def confirm(db, thief, _stolen):
        second_factor.confirm_second_factor(
            db, thief, totp.code_at(secret, totp.step_at(utc_now())), HERE
        )

    with meanwhile(user, confirm) as (db, waiting):
        reset(db, user)
    assert waiting.result(30) is Unauthenticated
    with committed() as db:
        assert not second_factor.is_enabled(db, user.id)


def test_a_code_that_waits_for_a_reset_opens_no_session(meanwhile, committed):
    """Requirement 12."""
    user = make_user()
    phone = phone_of(user)
    with committed() as db, db.begin():
        challenge = one_time_tokens.issue(db, Purpose.MFA, user_id=user.id)

    def answer(db, _thief, _stolen):
        second_factor.answer_challenge(
            db, second_factor.find_challenge(db, challenge), phone.code(), HERE
        )

    with meanwhile(user, answer) as (db, waiting):
        reset(db, user)
    assert waiting.result(30) is InvalidCode


def test_signing_out_everywhere_waits_for_a_reset(meanwhile):
    user = make_user()

    def sign_out(db, thief, _stolen):
        login_sessions.end_sessions(db, thief.user_id)

    with meanwhile(user, sign_out) as (db, waiting):
        reset(db, user)
    assert waiting.result(30) is None


def confirm(db, session, taken):
    link = one_time_tokens.issue(
        db, Purpose.CHANGE_EMAIL, user_id=session.user_id, data={"email": taken.email}
    )
    db.commit()
    own_account.confirm_email_change(db, link, HERE)
