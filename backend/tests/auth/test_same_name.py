"""Of many requests for one address or username at the same moment, one succeeds.

The others get the error that tells why, rather than a conflict of the database. Commits
are real. Each request is held where it has seen that the address or name is free, or
before that.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, local
from time import sleep

import pytest

from app.core.errors import AppError
from app.routers.auth.accounts import own_account, registration
from app.routers.auth.accounts.own_account import EmailTaken
from app.routers.auth.credentials import client, one_time_tokens, pending
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.errors import UsernameTaken
from app.routers.auth.google import identities
from app.routers.auth.google.gateway import Person
from app.routers.auth.google.identities import AccountExists
from app.routers.auth.models import LoginSession, User
from app.routers.auth.schemas import Registration, UsernameChange
from app.routers.auth.sessions import login_sessions
from tests.auth.factories import PASSWORD, make_user

pytestmark = pytest.mark.only("postgresql", "mysql")  # SQLite has one writer at a time

MANY = 4
LATER = 0.15  # seconds between them: enough for one that is not held to be done
HERE = client.Client("192.0.2.1", "tests")
NAME, EMAIL = "countess", "countess@example.org"


def all_at_once():
    """All go on when all have come, or one of them has waited in vain for the rest."""
    barrier = Barrier(MANY)

    def hold(_number):
        with suppress(BrokenBarrierError):
            barrier.wait(MANY * LATER)

    return hold


def one_overtakes():
    """The second is done while the first is held; those who come after it see what it
    did, and are held, too.
    """

    def hold(number):
        if number != 1:
            sleep(MANY * LATER)

    return hold


@pytest.fixture
def outcomes(committed, monkeypatch):
    """`outcomes(call, how, module, step)`: what comes of `call(db, n)` for several n,
    each held before that step.
    """

    def run(call, how, module, step):
        hold, carry_out, who = how(), getattr(module, step), local()

        def held(*arguments):
            hold(who.number)
            return carry_out(*arguments)

        def told(number):
            who.number = number
            sleep(number * LATER)
            try:
                with committed() as db, db.begin():
                    return call(db, number)
            except AppError as error:
                return type(error)

        monkeypatch.setattr(module, step, held)
        with ThreadPoolExecutor(MANY) as threads:
            return Counter(threads.map(told, range(MANY)))

    return run


@pytest.fixture
def people(committed):
    return [make_user() for _ in range(MANY)]


def test_of_many_registrations_with_one_name_one_is_taken(outcomes):
    def register(db, n):
        registration.register(
            db, Registration(username=NAME, email=f"ada{n}@example.org", password=PASSWORD)
        )

    assert outcomes(register, all_at_once, registration, "_store") == {
        None: 1,
        UsernameTaken: MANY - 1,
    }


def test_of_many_accounts_that_want_one_name_one_gets_it(outcomes, people, committed):
    with committed() as db, db.begin():
        for one in people:
            login_sessions.open_session(db, one, HERE)

    def rename(db, n):
        session = db.scalar(
            login_sessions.live_sessions().where(LoginSession.user_id == people[n].id)
        )
        return own_account.update_account(db, session, UsernameChange(username=NAME), HERE).username

    assert outcomes(rename, one_overtakes, pending, "make_way") == {
        NAME: 1,
        UsernameTaken: MANY - 1,
    }


def test_of_many_accounts_that_want_one_address_one_gets_it(outcomes, people, committed):
    with committed() as db, db.begin():
        data = {"email": EMAIL}
        links = [
            one_time_tokens.issue(db, Purpose.CHANGE_EMAIL, user_id=one.id, data=data)
            for one in people
        ]

    def confirm(db, n):
        own_account.confirm_email_change(db, links[n], HERE)

    assert outcomes(confirm, one_overtakes, pending, "give_way") == {None: 1, EmailTaken: MANY - 1}


def arrive(db, **person):
    return identities.owner_of(
        db, Person(issuer="https://google.test", email_verified=True, **person), HERE
    ).email


def test_of_many_google_accounts_with_one_address_one_opens_it(outcomes):
    def come(db, n):
        return arrive(db, subject=str(n), email=EMAIL)

    assert outcomes(come, all_at_once, identities, "_free_username") == {
        EMAIL: 1,
        AccountExists: MANY - 1,
    }


def test_many_google_accounts_whose_names_are_alike_all_come_in(outcomes):
    def come(db, n):
        return arrive(db, subject=str(n), email=f"{NAME}@example{n}.org")

    assert outcomes(come, all_at_once, identities, "_add") == {
        f"{NAME}@example{n}.org": 1 for n in range(MANY)
    }


@pytest.mark.parametrize(
    ("how", "step"), [(all_at_once, "_free_username"), (one_overtakes, "_adopt")]
)
def test_simultaneous_sign_ins_of_a_google_account_make_one_user(outcomes, committed, how, step):
    def come(db, _n):
        return arrive(db, subject="1", email=EMAIL)

    assert outcomes(come, how, identities, step) == {EMAIL: MANY}
    with committed() as db:
        assert db.query(User).count() == 1
