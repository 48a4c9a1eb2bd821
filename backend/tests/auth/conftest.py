"""Fixtures for the tests of auth.

Fixtures import modules that need the database themselves, because pytest may read this
file before the environment is set.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import time_machine
from fastapi.testclient import TestClient

from app.core.types import utc_now

BLOCKED = 0.5  # seconds; a call that does not have to wait ends sooner


@pytest.fixture
def from_address(client):
    """`from_address("198.51.100.7")` returns a client of this application at that
    address.
    """
    return lambda address: TestClient(client.app, client=(address, 50000))


@pytest.fixture
def still():
    """Stop the clock. Codes change every 30 seconds, and none may change during a
    test.
    """
    with time_machine.travel(utc_now().replace(second=10), tick=False):
        yield


@pytest.fixture
def user(db):
    from tests.auth.factories import make_user

    return make_user()


@pytest.fixture
def phone(user):
    """The phone of `user`, with an authenticator app."""
    from tests.auth.phones import phone_of

    return phone_of(user)


@pytest.fixture
def token(user):
    """An access token of `user`."""
    from tests.auth.factories import token_for

    return token_for(user)


@pytest.fixture
def refused(client, db):
    """`refused(token)` returns whether the response is the 401 that every bad token
    gets.
    """

    def check(bearer):
        answer = client.get("/auth/me", headers={"Authorization": b"Bearer " + bearer.encode()})
        return (answer.status_code, answer.json()["code"], answer.headers["WWW-Authenticate"]) == (
            401,
            "not_authenticated",
            "Bearer",
        )

    return check


@pytest.fixture
def meanwhile(committed):
    """Return `meanwhile(user, call)`, a block that holds the user's lock.

    `call(session, thief, stolen)` starts in a second session when the block is entered,
    and waits for the lock. `thief` is a login session of the user, which the second
    session reads before it calls `call`. `stolen` has the tokens of that login session.
    The end of the block commits and so releases the lock. After that,
    `waiting.result(timeout)` returns what the call returned, or the class of the
    exception.
    """
    from sqlalchemy import select

    from app.routers.auth import queries
    from app.routers.auth.credentials.client import Client
    from app.routers.auth.models import LoginSession, User
    from app.routers.auth.sessions import login_sessions

    here = Client("192.0.2.1", "tests")

    @contextmanager
    def run(user, call):
        with committed() as db, db.begin():
            stolen = login_sessions.open_session(db, user, here)
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
