"""If many requests ask for the same address or username at the same time, exactly one
succeeds.

The others get an error that gives the reason, and not a conflict in the database.
Commits are real. Each request is held at one of its SQL statements, either before or
after it has seen that the address or name is free. There are two ways to hold the
requests:

    all_at_once     first   see (wait for all) ...... write, commit
                    second     see (wait for all) ... write → the error, or another try
                    third         see (wait for all)  write → the error, or another try

    one_overtakes   first   see (sleep) ...................... write → the error
                    second     see, write, commit
                    third                          see (the second's row) → the error

If a lock lets only the first request see anything, that request waits in vain for the
others, and then continues alone.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Barrier, BrokenBarrierError, local
from time import sleep

import pytest
from sqlalchemy import Engine, event

from app.core.errors import AppError
from app.routers.auth.accounts import own_account, registration
from app.routers.auth.accounts.own_account import EmailTaken
from app.routers.auth.credentials import client, one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.errors import UsernameTaken
from app.routers.auth.google import identities
from app.routers.auth.google.gateway.provider import Person
from app.routers.auth.google.identities import AccountExists
from app.routers.auth.models import LoginSession, User
from app.routers.auth.schemas import Registration, UsernameChange
from app.routers.auth.sessions import login_sessions
from tests.auth.factories import PASSWORD, make_user

pytestmark = pytest.mark.only("postgresql", "mysql")  # SQLite has one writer at a time

MANY = 4
LATER = 0.15  # seconds between requests; a request that is not held ends sooner
HERE = client.Client("192.0.2.1", "tests")
NAME, EMAIL = "countess", "countess@example.org"


def all_at_once():
    """Hold all requests until the last one has come, or until one has waited too
    long.
    """
    barrier = Barrier(MANY)

    def hold(_number):
        with suppress(BrokenBarrierError):
            barrier.wait(MANY * LATER)

    return hold


def one_overtakes():
    """Hold every request except the second, which ends while the others are held.

    When the others continue, they see what the second has done.
    """

    def hold(number):
        if number != 1:
            sleep(MANY * LATER)

    return hold


@contextmanager
def held_at(step, hold):
    """Call `hold()` at each SQL statement that matches the step.

    A step is the word "before" or "after", followed by the beginning of a statement.
    """
    moment, _, beginning = step.partition(" ")

    def note(_connection, _cursor, statement, *_):
        if " ".join(statement.split()).startswith(beginning):
            hold()

    name = f"{moment}_cursor_execute"
    event.listen(Engine, name, note)
    yield
    event.remove(Engine, name, note)


@pytest.fixture
def outcomes(committed):
    """`outcomes(call, how, step)` returns the outcomes of `call(db, n)` for several n,
    each of which is held at that step.
    """

    def run(call, how, step):
        hold, who = how(), local()
        holds: Counter[int] = Counter()

        def hold_this():
            holds[who.number] += 1
            hold(who.number)

        def told(number):
            who.number = number
            sleep(number * LATER)
            try:
                with committed() as db, db.begin():
                    return call(db, number)
            except AppError as error:
                return type(error)

        with held_at(step, hold_this), ThreadPoolExecutor(MANY) as threads:
            found = Counter(threads.map(told, range(MANY)))
        assert holds[0], "the first one was held"
        return found

    return run


@pytest.fixture
def people(committed):
    return [make_user() for _ in range(MANY)]


def test_of_many_registrations_with_one_name_one_is_taken(outcomes):
    def register(db, n):
        registration.register(
            db, Registration(username=NAME, email=f"ada{n}@example.org", password=PASSWORD)
        )

    assert outcomes(register, all_at_once, "before INSERT INTO username_holds") == {
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

    assert outcomes(rename, one_overtakes, "before DELETE FROM users") == {
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

    assert outcomes(confirm, one_overtakes, "before DELETE FROM users") == {
        None: 1,
        EmailTaken: MANY - 1,
    }


def arrive(db, **person):
    return identities.owner_of(
        db, Person(issuer="https://google.test", email_verified=True, **person), HERE
    ).email


def test_of_many_google_accounts_with_one_address_one_opens_it(outcomes):
    def come(db, n):
        return arrive(db, subject=str(n), email=EMAIL)

    assert outcomes(come, all_at_once, "after SELECT users.id FROM users WHERE users.email") == {
        EMAIL: 1,
        AccountExists: MANY - 1,
    }


def test_many_google_accounts_whose_names_are_alike_all_come_in(outcomes):
    def come(db, n):
        return arrive(db, subject=str(n), email=f"{NAME}@example{n}.org")

    assert outcomes(come, all_at_once, "before INSERT INTO identities") == {
        f"{NAME}@example{n}.org": 1 for n in range(MANY)
    }


@pytest.mark.parametrize(
    ("how", "step"),
    [
        (all_at_once, "after SELECT users.id FROM users WHERE users.email"),
        (one_overtakes, "after SELECT identities"),
    ],
)
def test_simultaneous_sign_ins_of_a_google_account_make_one_user(outcomes, committed, how, step):
    def come(db, _n):
        return arrive(db, subject="1", email=EMAIL)

    assert outcomes(come, how, step) == {EMAIL: MANY}
    with committed() as db:
        assert db.query(User).count() == 1
