"""Signing in after a registration reveals nothing about the address and opens nothing.

See requirements 1 and 2. A hold is the row that a registration with a taken address
leaves. Signing in to a hold gets the same responses as signing in to an unverified
account.
"""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.types import utc_now
from app.routers.auth.models import LoginSession, UsernameHold
from app.routers.auth.security import verify_password
from app.routers.auth.sign_in import with_password
from tests.auth.factories import PASSWORD, make_user
from tests.auth.phones import phone_of
from tests.auth.steps import NEW_PASSWORD, events_of, outcome
from tests.support.jobs import purge

DAY = 24 * 3600
OTHER = "a third long pass phrase"
THIRD = "a fourth long pass phrase"
VARYING = {"x-request-id", "date"}

pytestmark = pytest.mark.usefixtures(
    "clock"
)  # counting windows begin at round times, and the real time may be just before a round time


def register(client, username, email, password=NEW_PASSWORD):
    body = {"username": username, "email": email, "password": password}
    assert client.post("/auth/register", json=body).status_code == 202


def sign_in(client, name, password=NEW_PASSWORD):
    return client.post("/auth/token", data={"username": name, "password": password})


def shape(answer):
    body = answer.json()
    body.pop("request_id", None)
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    return answer.status_code, body, headers


OWNERS: dict[str, dict[str, Any]] = {
    "verified": {},
    "disabled": {"is_active": False},
    "disabled and unverified": {"is_active": False, "is_verified": False},
    "without a password": {"hashed_password": None},
}


@pytest.fixture(params=OWNERS)
def both(request, client, db):
    """Two registrations that get the same response: one with a free address, and one
    with a taken address.
    """
    make_user(email="taken@example.org", **OWNERS[request.param])
    register(client, "one", "free@example.org")
    register(client, "two", "taken@example.org")
    return ("one", "free@example.org"), ("two", "taken@example.org")


@pytest.mark.parametrize("by", [0, 1], ids=["by user name", "by e-mail"])
def test_the_right_password_gets_one_response_for_free_and_taken(client, db, both, by):
    """Requirement 1."""
    free, taken = (sign_in(client, names[by]) for names in both)
    assert shape(free) == shape(taken)
    assert outcome(free) == (403, "email_not_verified")


@pytest.mark.parametrize("by", [0, 1], ids=["by user name", "by e-mail"])
def test_a_wrong_password_gets_one_response_for_free_and_taken(client, db, both, by):
    """Requirement 1: wrong passwords for both are also counted alike, up to the
    limit.
    """
    answers = [[sign_in(client, names[by], OTHER) for _ in range(11)] for names in both]
    assert [shape(answer)[:2] for answer in answers[0]] == [
        shape(answer)[:2] for answer in answers[1]
    ]
    assert [set(answer.headers) for answer in answers[0]] == [
        set(answer.headers) for answer in answers[1]
    ]
    assert [answer.status_code for answer in answers[0]] == [401] * 10 + [429]


@pytest.fixture
def work(client, statements, monkeypatch):
    """`work(name, password)` signs in, and returns the SQL statements and the number of
    password checks.
    """
    compared = []

    def counted(*asked):
        compared.append(asked)
        return verify_password(*asked)

    def measure(name, password):
        statements.clear()
        compared.clear()
        sign_in(client, name, password)
        return list(statements), len(compared)

    monkeypatch.setattr(with_password, "verify_password", counted)
    return measure


@pytest.mark.parametrize("by", [0, 1], ids=["by user name", "by e-mail"])
def test_free_and_taken_addresses_cost_the_same_work(both, work, by):
    """Requirement 3."""
    free, taken = (names[by] for names in both)
    assert work(free, NEW_PASSWORD) == work(taken, NEW_PASSWORD)
    wrong = work(free, OTHER)
    assert wrong == work(taken, OTHER) == work(("nobody", "nobody@example.org")[by], OTHER)
    assert (wrong[1], work(free, NEW_PASSWORD)[1]) == (2, 2)


def test_registering_takes_equal_statements_for_free_and_taken(client, db, statements):
    """Requirement 1."""
    make_user(email="taken@example.org")
    numbers = []
    for name in ("free", "taken"):
        statements.clear()
        register(client, name, f"{name}@example.org")
        numbers.append(len(statements))
    assert numbers[0] == numbers[1]


def test_only_the_first_registrations_password_is_accepted(client, db, both):
    """Requirement 1: the waiting account has the first password.

    So if the address is taken, the response to a sign-in with the first hold's password
    must be the same.
    """
    for _, address in both:
        register(client, f"again.{address[:4]}", address, OTHER)
    for _, address in both:
        assert outcome(sign_in(client, address)) == (403, "email_not_verified")
        assert outcome(sign_in(client, address, OTHER)) == (401, "invalid_credentials")
        assert outcome(sign_in(client, f"again.{address[:4]}", OTHER)) == (
            403,
            "email_not_verified",
        )


def test_an_addresses_registrations_expire_with_the_first(client, db, clock, both):
    """Requirement 1: the registrations expire even if the hourly purge has not run yet.

    A third registration, a day later, counts as the first registration of its address.
    """
    clock.shift(3600)
    for _, address in both:
        register(client, f"again.{address[:4]}", address, OTHER)
    clock.shift(DAY - 3600 + 60)
    for name, address in both:
        for login, password in ((name, NEW_PASSWORD), (address, NEW_PASSWORD), (address, OTHER)):
            assert outcome(sign_in(client, login, password)) == (401, "invalid_credentials"), login
        register(client, f"third.{address[:4]}", address, THIRD)
        assert outcome(sign_in(client, address, OTHER)) == (401, "invalid_credentials")
        assert outcome(sign_in(client, address, THIRD)) == (403, "email_not_verified")


@pytest.mark.only("postgresql", "mysql")
def test_later_account_ids_do_not_reveal_a_registrations_outcome(client, db):
    """Requirement 1: users can read their ids at `GET /auth/me`, and could register
    accounts before and after someone else.
    """
    make_user(email="taken@example.org")
    steps = []
    for name in ("free", "taken"):
        before = make_user().id
        register(client, name, f"{name}@example.org")
        steps.append(make_user().id - before)
    assert steps == [2, 2]


def test_holds_do_not_stop_the_owner_from_signing_in(client, db):
    owner = make_user(email="taken@example.org")
    register(client, "same.password", owner.email, PASSWORD)
    register(client, "stranger", owner.email)
    for login in (owner.email, owner.username):
        assert sign_in(client, login, PASSWORD).status_code == 200
    phone_of(owner)
    assert outcome(sign_in(client, owner.email, PASSWORD)) == (401, "mfa_required")


def test_a_hold_never_opens_a_session(client, db):
    """A hold does not open a session even with its owner's password, or once the
    address is verified.
    """
    owner = make_user(email="taken@example.org")
    register(client, "stranger", owner.email, PASSWORD)
    assert outcome(sign_in(client, "stranger", PASSWORD)) == (403, "email_not_verified")
    assert outcome(sign_in(client, "stranger", OTHER)) == (401, "invalid_credentials")
    assert db.scalar(select(func.count(LoginSession.id))) == 0
    assert len(events_of(db, "login_failed")) == 1


def test_the_password_is_kept_hashed_and_wiped_after_a_day(client, db, clock, real_hashing):
    """Requirements 9 and 10."""
    make_user(email="taken@example.org")
    register(client, "stranger", "taken@example.org")
    hold = db.scalar(select(UsernameHold))
    assert (hold.email, hold.hashed_password[:30]) == (
        "taken@example.org",
        "$argon2id$v=19$m=19456,t=2,p=1",
    )
    clock.shift(DAY + 1)
    purge(db)
    assert db.scalars(select(UsernameHold)).all() == []


def test_a_hold_of_the_previous_version_signs_nobody_in(client, db):
    db.add(UsernameHold(username="held", expires_at=utc_now() + timedelta(hours=1)))
    db.commit()
    assert outcome(sign_in(client, "held")) == (401, "invalid_credentials")


def test_a_registration_deletes_no_other_hold(client, db):
    """R19: there may be very many expired holds.

    A request has no time to delete them, but a purge has.
    """
    past = utc_now() - timedelta(hours=1)
    db.add_all([UsernameHold(username=name, expires_at=past) for name in ("free-again", "another")])
    db.commit()
    register(client, "free-again", "somebody@example.org")
    assert "another" in db.scalars(select(UsernameHold.username)).all()
