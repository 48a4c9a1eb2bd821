"""Requests lock the user before any other row, so that they never deadlock.

The tests run two sessions on one database. Neither holds a lock that the other needs:

    wrong    first:  lock session ........ lock user (waits for second)
             second: lock user ........... lock session (waits for first: a deadlock)
    right    first:  lock user, lock session, commit
             second: lock user (waits for first) ............. lock session, commit

SQLite is left out, because only one session can write there at a time.
"""

import pytest
from sqlalchemy import select

from app.routers.auth.accounts import own_account, registration
from app.routers.auth.accounts.own_account import EmailTaken
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import InvalidToken, Purpose
from app.routers.auth.errors import UsernameTaken
from app.routers.auth.models import LoginSession, User
from app.routers.auth.passwords import changing
from app.routers.auth.schemas import PasswordReset, UsernameChange
from app.routers.auth.sessions import login_sessions, refreshing
from app.routers.auth.sessions.refreshing import InvalidRefreshToken
from tests.auth.factories import make_user
from tests.auth.steps import NEW_PASSWORD

pytestmark = pytest.mark.only("postgresql", "mysql")

HERE = Client("192.0.2.1", "tests")

NEW = "new@example.org"


@pytest.mark.parametrize(
    "purpose", [Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL]
)
def test_a_link_replaced_while_it_is_used_fails_without_deadlock(meanwhile, committed, purpose):
    """Requirement 12: a request that uses a link locks the user before the link.

    So does a request that replaces the link.
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

    Otherwise, recording a theft would wait for the request that ends all sessions,
    while that request waits for the session's lock.
    """
    user = make_user()

    def use(db, thief, stolen):
        refreshing.refresh(db, stolen.refresh_token, HERE)

    with meanwhile(user, use) as (db, waiting):
        if reused:
            db.query(LoginSession).update({"refresh_count": 5})
        login_sessions.end_sessions(db, user.id)
    assert waiting.result(30) is InvalidRefreshToken


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
