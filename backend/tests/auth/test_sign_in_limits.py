"""Guessing passwords from one address is slow.

In 15 minutes, an address may make 10 wrong attempts for one account, and 50 in total.
"""

import pytest
from fastapi.testclient import TestClient

from tests.auth.factories import PASSWORD, make_user

WRONG = "wrong horse battery staple"
QUARTER = 15 * 60

pytestmark = pytest.mark.usefixtures(
    "clock"
)  # counting windows begin at round times, and the real time may be just before a round time


def sign_in(client, username, password=PASSWORD):
    return client.post("/auth/token", data={"username": username, "password": password})


@pytest.fixture
def elsewhere(client):
    """A client of the same application at another address."""
    return TestClient(client.app, client=("198.51.100.7", 50000))


def test_ten_wrong_passwords_for_an_account_block_the_address(client, db):
    """Requirement 5."""
    user = make_user()
    for _ in range(10):
        assert sign_in(client, user.username, WRONG).status_code == 401
    answer = sign_in(client, user.username)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(answer.headers["Retry-After"]) <= QUARTER
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("10", "0")


def test_an_unknown_account_is_limited_alike(client, db):
    for _ in range(10):
        assert sign_in(client, "nobody.here", WRONG).status_code == 401
    assert sign_in(client, "nobody.here", WRONG).status_code == 429


def test_the_owner_elsewhere_and_other_accounts_here_go_on(client, db, elsewhere):
    """Requirement 5."""
    user, other = make_user(), make_user()
    for _ in range(11):
        sign_in(client, user.username, WRONG)
    assert sign_in(elsewhere, user.username).status_code == 200
    assert sign_in(client, other.username).status_code == 200


def test_right_passwords_do_not_count(client, db):
    user = make_user()
    for _ in range(12):
        assert sign_in(client, user.username).status_code == 200


def test_another_spelling_is_no_new_account(client, db):
    make_user(username="ada.lovelace", email="ada@example.org")
    for spelling in [
        "ada.lovelace",
        "ADA.lovelace",
        "\uff41da.lovelace",
        "ada.\uff4covelace",
        " ada.lovelace",
    ] * 2:
        assert sign_in(client, spelling, WRONG).status_code == 401
    assert sign_in(client, "ada.lovelac\uff45", WRONG).status_code == 429


def test_fifty_wrong_passwords_make_only_that_address_wait(client, db, elsewhere):
    """Requirement 5."""
    user = make_user()
    for number in range(50):
        assert sign_in(client, f"nobody{number}", WRONG).status_code == 401
    answer = sign_in(client, user.username)
    assert (answer.status_code, answer.headers["RateLimit-Limit"]) == (429, "50")
    assert sign_in(elsewhere, user.username).status_code == 200


def test_nobody_is_locked_out_for_good(client, db, clock):
    """Requirement 5."""
    user = make_user()
    for _ in range(11):
        sign_in(client, user.username, WRONG)
    assert sign_in(client, user.username).status_code == 429
    clock.shift(2 * QUARTER)
    assert sign_in(client, user.username).status_code == 200


def test_a_forwarded_address_from_anybody_is_no_other_address(client, db):
    """Requirement 6."""
    user = make_user()
    for number in range(10):
        client.post(
            "/auth/token",
            data={"username": user.username, "password": WRONG},
            headers={
                "X-Forwarded-For": f"203.0.113.{number}",
                "Forwarded": f"for=203.0.113.{number}",
            },
        )
    assert sign_in(client, user.username).status_code == 429
