"""Guessing passwords from many addresses (requirement 5).

For guessing from one address, see test_sign_in_limits.py.
"""

from typing import Any

import pytest

from app.platform.limits import RateLimit
from app.routers.auth import throttle
from tests.auth.factories import PASSWORD, make_user
from tests.auth.letters import last_token
from tests.auth.steps import NEW_PASSWORD, events_of, outcome, sign_in

WRONG = "wrong horse battery staple"
HOME = "198.51.100.7"
HOUR = 3600

pytestmark = pytest.mark.usefixtures(
    "clock"
)  # counting windows begin at round times, and the real time may be just before a round time


@pytest.fixture(autouse=True)
def _smaller(monkeypatch):
    """Lower the limits, so that the tests reach them faster."""
    small = {"STRANGERS": "5 per hour", "SIEGE": "12 per day"}
    for name, rate in small.items():
        limit = getattr(throttle, name)
        monkeypatch.setattr(throttle, name, RateLimit(limit.name, rate))


def attack(from_address, user, tries, start=0):
    """Send one wrong password from each of `tries` addresses, and return the
    statuses.
    """
    addresses = (f"203.0.113.{start + number}" for number in range(tries))
    return [sign_in(from_address(address), user, WRONG).status_code for address in addresses]


def test_wrong_passwords_from_many_addresses_are_told_to_wait(client, db, from_address):
    """Requirement 5."""
    user = make_user()
    assert attack(from_address, user, 7) == [401] * 5 + [429] * 2
    answer = sign_in(from_address("203.0.113.99"), user, WRONG)
    assert outcome(answer) == (429, "too_many_requests")
    assert 0 < int(answer.headers["Retry-After"]) <= HOUR


def test_an_unknown_account_is_told_so_alike(client, db, from_address):
    nobody = make_user()
    nobody.email = "nobody@example.org"
    assert attack(from_address, nobody, 7) == [401] * 5 + [429] * 2


def test_the_limit_does_not_tell_whose_a_user_name_is(client, db, from_address):
    """Requirement 35: attempts are counted by the name or address that was typed.

    If a name and an address shared a count, this would reveal that they belong to one
    user.
    """
    user, stranger = make_user(), from_address("203.0.113.99")
    attack(from_address, user, 7)
    assert sign_in(stranger, user, WRONG).status_code == 429
    data = {"username": user.username, "password": WRONG}
    assert stranger.post("/auth/token", data=data).status_code == 401


def test_attempts_by_username_and_by_address_share_one_limit(client, db, from_address):
    """Requirement 35: the limit that both kinds of attempt share is the one for the
    client's address.
    """
    user, stranger = make_user(), from_address("203.0.113.99")
    assert [sign_in(stranger, user, WRONG).status_code for _ in range(11)] == [401] * 5 + [429] * 6
    data = {"username": user.username, "password": WRONG}
    assert [stranger.post("/auth/token", data=data).status_code for _ in range(5)] == [401] * 5


def test_the_owner_comes_in_from_a_clean_address_all_the_same(client, db, from_address):
    """Requirement 5."""
    user = make_user()
    attack(from_address, user, 8)
    assert sign_in(from_address(HOME), user).status_code == 200


def test_a_stranger_has_one_try_an_hour_meanwhile(client, db, from_address, clock):
    user = make_user()
    attack(from_address, user, 5)
    stranger = from_address("192.0.2.50")
    assert sign_in(stranger, user, WRONG).status_code == 429
    assert sign_in(stranger, user).status_code == 429  # not checked, though right
    clock.shift(2 * HOUR)
    assert sign_in(stranger, user).status_code == 200


def test_strangers_do_not_slow_down_a_known_device(client, db, from_address):
    user, home = make_user(), from_address(HOME)
    assert sign_in(home, user).status_code == 200
    attack(from_address, user, 20)
    assert sign_in(home, user, WRONG).status_code == 401
    assert sign_in(home, user).status_code == 200


def test_under_siege_strangers_wait_and_a_reset_ends_it(client, db, from_address):
    """Requirement 5."""
    user, home = make_user(), from_address(HOME)
    attack(from_address, user, 20)
    assert sign_in(home, user).status_code == 429
    client.post("/auth/password/forgot", json={"email": user.email})
    token = last_token(user.email, "reset-password")
    assert (
        client.post(
            "/auth/password/reset", json={"token": token, "new_password": NEW_PASSWORD}
        ).status_code
        == 204
    )
    assert sign_in(home, user, NEW_PASSWORD).status_code == 200


def test_a_siege_of_one_account_is_none_of_another(client, db, from_address):
    attack(from_address, make_user(), 20)
    assert sign_in(from_address(HOME), make_user()).status_code == 200


def test_ipv6_addresses_of_one_subscriber_are_one(client, db, from_address):
    user = make_user()
    codes = [
        sign_in(from_address(f"2001:db8:7:7::{n:x}"), user, WRONG).status_code for n in range(1, 4)
    ]
    assert codes == [401] * 3
    attack(from_address, user, 3)
    assert sign_in(from_address("2001:db8:7:7:ffff::1"), user).status_code == 429
    assert sign_in(from_address("2001:db8:7:8::1"), user).status_code == 200


def test_wrong_tries_are_counted_though_they_are_refused(client, db, from_address):
    """The count of a wrong attempt outlives its 401 and its 429."""
    user = make_user()
    attack(from_address, user, 7)
    assert len(events_of(db, "login_failed", user)) == 7


@pytest.mark.parametrize("kind", ["unknown", "wrong", "no password", "unverified", "disabled"])
def test_every_wrong_pair_is_refused_alike(client, db, kind):
    """Requirement 2."""
    columns: dict[str, dict[str, Any]] = {
        "no password": {"hashed_password": None},
        "unverified": {"is_verified": False},
        "disabled": {"is_active": False},
    }
    user = make_user(**columns.get(kind, {}))
    if kind == "unknown":
        user.email = "nobody@example.org"
    plain = sign_in(client, make_user(), WRONG)
    answer = sign_in(client, user, WRONG)
    body, expected = answer.json(), plain.json()
    body.pop("request_id")
    expected.pop("request_id")
    assert (answer.status_code, body) == (401, expected)
    assert set(answer.headers) == set(plain.headers)


def test_only_the_right_password_reveals_the_account_status(client, db):
    """Requirement 2."""
    assert outcome(sign_in(client, make_user(is_verified=False), PASSWORD)) == (
        403,
        "email_not_verified",
    )
    assert outcome(sign_in(client, make_user(is_active=False), PASSWORD)) == (
        403,
        "account_disabled",
    )
