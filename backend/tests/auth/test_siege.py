"""An account under attack from many addresses is locked for strangers (requirement 5).

The lock is recorded once, and the owner can remove it.
"""

import contextlib

import pytest

from app.core.errors import TooManyRequests
from app.platform.limits import RateLimit
from app.routers.auth import throttle
from tests.auth.factories import PASSWORD, make_user
from tests.auth.letters import last_token, letters_to
from tests.auth.steps import NEW_PASSWORD, events_of, outcome, sign_in

WRONG = "wrong horse battery staple"
HOME = "198.51.100.7"
DAY = 24 * 3600
NOTICE = "Someone is trying to guess your password"

pytestmark = pytest.mark.usefixtures(
    "clock"
)  # counting windows begin at round times, and the real time may be just before a round time


@pytest.fixture(autouse=True)
def _smaller(monkeypatch):
    """Lower the limits, so that the tests reach them faster."""
    small = {"STRANGERS": "5 per hour", "SIEGE": "12 per day", "SAME_ACCOUNT_SITE": "6 per day"}
    for name, rate in small.items():
        monkeypatch.setattr(throttle, name, RateLimit(getattr(throttle, name).name, rate))


def attempt(client, name, password=WRONG):
    return client.post("/auth/token", data={"username": name, "password": password})


def besiege(from_address, name, tries=14, start=0):
    for number in range(start, start + tries):
        attempt(from_address(f"203.0.113.{number}"), name)


def locks(db, user=None):
    return [event for event in events_of(db, "locked_out", user) if "account" in event.facts]


def notices(user):
    return [mail for mail in letters_to(user.email) if mail.subject == NOTICE]


def reset_by(client, token):
    body = {"token": token, "new_password": NEW_PASSWORD}
    assert client.post("/auth/password/reset", json=body).status_code == 204


@pytest.mark.parametrize("by", ["email", "username"])
def test_the_lock_is_noted_once_and_the_owner_is_told_once(client, db, from_address, by):
    """Requirements 5 and 56."""
    user = make_user()
    besiege(from_address, getattr(user, by), 11)
    assert (locks(db), notices(user)) == ([], [])
    besiege(from_address, getattr(user, by), 30, start=20)
    assert (len(locks(db, user)), len(notices(user))) == (1, 1)


def test_a_siege_by_both_names_is_two_locks_and_one_mail(client, db, from_address):
    user = make_user()
    besiege(from_address, user.email)
    letters_to(user.email)
    besiege(from_address, user.username)
    assert (len(locks(db, user)), len(notices(user))) == (2, 1)


def test_a_siege_of_nobody_is_noted_as_well_and_told_nobody(client, db, from_address):
    besiege(from_address, "nobody@example.org")
    assert [event.user_id for event in locks(db)] == [None]
    assert letters_to("nobody@example.org") == []


def test_a_siege_over_midnight_is_one(client, db, from_address, clock):
    """At midnight, the counters begin a new window.

    For each attempt that is no longer counted from the old window, one more stranger is
    let through.
    """
    user = make_user()
    clock.shift(12 * 3600 - 600)
    besiege(from_address, user.email)
    clock.shift(3 * 3600)
    besiege(from_address, user.email, start=50)
    assert len(events_of(db, "login_failed", user)) > 12
    assert (len(locks(db, user)), len(notices(user))) == (1, 1)


def test_of_two_tries_that_find_the_account_locked_one_says_so(db):
    """Requirement 56: even if both attempts come at the same time, only one records the
    lock.
    """
    tries = [throttle.Guess("ada", f"203.0.113.{number}", lambda: False) for number in range(14)]
    with contextlib.suppress(TooManyRequests):
        for one in tries:
            one.failed()
            throttle.STRANGERS.clear("ada")
    assert [one.locks_account() for one in tries[:3]] == [True, False, False]


@pytest.mark.parametrize(
    "columns", [{"is_active": False}, {"is_verified": False}], ids=["disabled", "unverified"]
)
def test_who_could_not_sign_in_anyway_gets_no_mail(client, db, from_address, columns):
    user = make_user(**columns)
    besiege(from_address, user.email)
    assert (len(locks(db)), notices(user)) == (1, [])


def test_locking_known_and_unknown_names_takes_equal_statements(
    client, db, from_address, statements
):
    """Requirement 3."""
    sent = []
    for name in (make_user().email, "nobody@example.org"):
        besiege(from_address, name, 11)
        statements.clear()
        attempt(from_address("203.0.113.11"), name)
        sent.append(list(statements))
    assert sent[0] == sent[1]
    assert any("INSERT INTO jobs" in statement for statement in sent[0])


def test_the_emailed_link_unlocks_the_account_by_both_names(client, db, from_address):
    """Requirement 5: the owner is never locked out for good, even if strangers try
    every day.
    """
    user, home = make_user(), from_address(HOME)
    for name in (user.email, user.username):
        besiege(from_address, name)
        assert outcome(attempt(home, name, PASSWORD)) == (429, "too_many_requests")
    reset_by(client, last_token(user.email, "reset-password"))
    elsewhere = from_address("198.51.100.8")  # no earlier sign-in makes this address familiar
    for place, name in ((home, user.email), (elsewhere, user.username)):
        assert attempt(place, name, NEW_PASSWORD).status_code == 200


def test_a_new_siege_after_that_is_noted_and_told_again(client, db, from_address):
    user = make_user()
    besiege(from_address, user.email)
    reset_by(client, last_token(user.email, "reset-password"))
    besiege(from_address, user.email, start=50)
    assert (len(locks(db, user)), len(notices(user))) == (2, 2)


def test_an_address_that_signed_in_before_goes_on(client, db, from_address):
    """Requirement 5."""
    user, home = make_user(), from_address(HOME)
    assert sign_in(home, user).status_code == 200
    besiege(from_address, user.email)
    assert sign_in(home, user).status_code == 200


def test_a_day_later_the_account_is_open_by_itself(client, db, from_address, clock):
    user = make_user()
    besiege(from_address, user.email)
    clock.shift(2 * DAY)
    assert sign_in(from_address(HOME), user).status_code == 200


def test_one_ipv6_site_alone_is_no_siege(client, db, from_address):
    """Requirement 5: a /48 has 65,536 networks, and may belong to one stranger."""
    user = make_user()
    codes = [
        sign_in(from_address(f"2001:db8:7:{n:x}::1"), user, WRONG).status_code for n in range(20)
    ]
    assert codes == [401] * 5 + [429] * 15
    assert len(events_of(db, "login_failed", user)) == 6
    assert locks(db) == []
    assert (
        sign_in(from_address("2001:db8:7:99::1"), user).status_code == 429
    )  # nobody from this site is let in
    assert sign_in(from_address("2001:db8:8::1"), user).status_code == 200


def test_one_ipv6_site_cannot_try_many_accounts(client, db, from_address, monkeypatch):
    """Requirement 5."""
    limit = throttle.ANY_ACCOUNT_SITE
    monkeypatch.setattr(throttle, "ANY_ACCOUNT_SITE", RateLimit(limit.name, "8 per 15 minutes"))
    codes = [
        attempt(from_address(f"2001:db8:7:{n:x}::1"), f"nobody{n}").status_code for n in range(10)
    ]
    assert codes == [401] * 8 + [429] * 2
    assert sign_in(from_address("2001:db8:7:99::1"), make_user()).status_code == 429
    assert sign_in(from_address("2001:db8:8::1"), make_user()).status_code == 200


def test_neighbours_do_not_lock_out_a_known_address(client, db, from_address):
    user, home = make_user(), from_address("2001:db8:7:aaaa::1")
    assert sign_in(home, user).status_code == 200
    for number in range(20):
        sign_in(from_address(f"2001:db8:7:{number:x}::1"), user, WRONG)
    assert sign_in(home, user).status_code == 200


def test_a_reset_signs_its_owner_in_despite_the_limit(client, db, from_address):
    """Requirement 5: the wrong attempts may be the owner's own, or come from others at
    the same address.
    """
    user = make_user()
    from_address(HOME)
    for name in (user.email, user.username):
        while attempt(client, name).status_code != 429:
            pass
    client.post("/auth/password/forgot", json={"email": user.email})
    reset_by(client, last_token(user.email, "reset-password"))
    for name in (user.email, user.username):
        assert attempt(client, name, NEW_PASSWORD).status_code == 200
