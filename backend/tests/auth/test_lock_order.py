"""A request that waits for a password reset finds its session or token ended.

The tests run two sessions on one database. The user's row is the lock that both want:

    reset    lock user ........ end sessions and links, commit
    request            lock user (waits) ................. → 401, nothing is written

Both lock the user before any other row, so neither can hold what the other waits for:

    wrong    first:  lock session ........ lock user (waits for second)
             second: lock user ........... lock session (waits for first: a deadlock)
    right    first:  lock user, lock session, commit
             second: lock user (waits for first) ............. lock session, commit

SQLite is left out, because only one session can write there at a time.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from app.core.errors import Unauthenticated
from app.core.types import utc_now
from app.routers.auth import queries
from app.routers.auth.accounts import own_account, registration
from app.routers.auth.accounts.own_account import EmailTaken
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import InvalidToken, Purpose
from app.routers.auth.errors import UsernameTaken
from app.routers.auth.google import gateway, journey
from app.routers.auth.mfa import second_factor, totp
from app.routers.auth.mfa.second_factor import InvalidCode
from app.routers.auth.models import LoginSession, OneTimeToken, User
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
BLOCKED = 0.5  # seconds in which a call that does not wait would have ended


@pytest.fixture
def meanwhile(committed):
    """Return `meanwhile(user, call)`, a block that holds the user's lock.

    `call(session, thief, stolen)` runs in a second session as soon as the block is
    entered, and waits. `thief` is a login session of the user that was read before the
    reset, as a request reads it, and `stolen` has its tokens. The end of the block
    commits. After that, `waiting.result` gives what the call returned or raised.
    """

    @contextmanager
    def run(user, call):
        with committed() as db, db.begin():
            stolen = login_sessions.open_session(db, user, HERE)
            session_id = db.scalar(
                select(LoginSession.id).order_by(LoginSession.id.desc()).limit(1)
            )

        def second():
            with committed() as other:
                thief = other.scalar(
                    login_sessions.live_sessions().where(LoginSession.id == session_id)
                )
                try:
                    outcome = call(other, thief, stolen)
                except Exception as error:  # noqa: BLE001 - what it was is what the test asks
                    other.rollback()
                    return type(error)
                other.commit()
                return outcome

        with ThreadPoolExecutor(1) as thread, committed() as db, db.begin():
            db.scalar(queries.locked_accounts(User.id == user.id))
            waiting = thread.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(BLOCKED)
            yield db, waiting

    return run


def reset(db, user):
    """Reset the password by a link."""
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
    nowhere = gateway.Configuration(*["https://accounts.example.com"] * 3)
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


@pytest.mark.parametrize(
    "purpose", [Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL]
)
def test_a_link_replaced_while_it_is_used_fails_without_deadlock(meanwhile, committed, purpose):
    """Requirement 12: using a link locks the user before the link, as replacing it
    does.
    """
    user = make_user()
    with committed() as db, db.begin():
        link = one_time_tokens.issue(db, purpose, user_id=user.id, data={"email": NEW})

    def use(db, _thief, _stolen):
        if purpose is Purpose.RESET_PASSWORD:
            changing.reset_password(db, PasswordReset(token=link, new_password=NEW_PASSWORD), HERE)
        elif purpose is Purpose.VERIFY_EMAIL:
            registration.verify_email(db, link, HERE)
        else:
            own_account.confirm_email_change(db, link, HERE)

    with meanwhile(user, use) as (db, waiting):
        one_time_tokens.issue(db, purpose, user_id=user.id)
    assert waiting.result(30) is InvalidToken


@pytest.mark.parametrize("reused", [True, False], ids=["stolen", "honest"])
def test_a_refresh_and_ending_all_sessions_do_not_deadlock(meanwhile, committed, reused):
    """Requirement 17: the session is locked after the user.

    Otherwise, recording the theft would wait for the reset.
    """
    user = make_user()

    def use(db, thief, stolen):
        refreshing.refresh(db, stolen.refresh_token, HERE)

    with meanwhile(user, use) as (db, waiting):
        if reused:
            db.query(LoginSession).update({"refresh_count": 5})
        login_sessions.end_sessions(db, user.id)
    assert waiting.result(30) is InvalidRefreshToken


def test_signing_out_everywhere_waits_for_a_reset(meanwhile):
    user = make_user()

    def sign_out(db, thief, _stolen):
        login_sessions.end_sessions(db, thief.user_id)

    with meanwhile(user, sign_out) as (db, waiting):
        reset(db, user)
    assert waiting.result(30) is None


def ask(db, session, taken):
    own_account.send_email_change(db, session.id, taken.email)


def confirm(db, session, taken):
    link = one_time_tokens.issue(
        db, Purpose.CHANGE_EMAIL, user_id=session.user_id, data={"email": taken.email}
    )
    db.commit()
    own_account.confirm_email_change(db, link, HERE)


def take_name(db, session, taken):
    own_account.update_account(db, session, UsernameChange(username=taken.username), HERE)


@pytest.mark.parametrize(
    ("call", "outcome"), [(ask, None), (confirm, EmailTaken), (take_name, UsernameTaken)]
)
def test_taking_another_accounts_name_locks_both_in_one_order(meanwhile, committed, call, outcome):
    """While a request waits for the first account, it has not locked the second.

    Otherwise, two requests that want each other's name would wait for each other.
    """
    first, second = make_user(), make_user()
    with committed() as db, db.begin():
        login_sessions.open_session(db, second, HERE)

    def want(db, _thief, _stolen):
        session = db.scalar(login_sessions.live_sessions().where(LoginSession.user_id == second.id))
        call(db, session, first)

    with meanwhile(first, want) as (_, waiting), committed() as db, db.begin():
        free = select(User.id).where(User.id == second.id).with_for_update(nowait=True)
        assert db.scalar(free) == second.id
    assert waiting.result(30) is outcome
