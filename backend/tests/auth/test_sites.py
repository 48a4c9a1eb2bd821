"""Limits by address also count a whole IPv6 site.

60 networks of one /48 together get no more requests through than one network does.
"""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.core.errors import Forbidden, TooManyRequests
from app.platform.limits import AddressLimit, RateLimit, limit_counters
from app.platform.models import Job
from app.routers.auth import throttle
from app.routers.auth.google import routes as google_routes
from tests.auth.factories import PASSWORD, make_user, token_for

NETWORKS = 60
LIMIT = 30

pytestmark = pytest.mark.usefixtures("clock")  # counting windows begin at round times


def networks(site="2001:db8:1", number=NETWORKS):
    return [f"{site}:{n:x}::1" for n in range(number)]


@pytest.fixture
def statuses(client):
    """`statuses(method, path, body)` sends a request from each network and returns the
    statuses.
    """

    def ask(method, path, body=None, addresses=None, **options):
        return [
            TestClient(client.app, client=(address, 50_000), follow_redirects=False)
            .request(method, path, json=body(n) if body else None, **options)
            .status_code
            for n, address in enumerate(addresses or networks())
        ]

    return ask


def jobs_of(db, kind):
    return db.scalar(select(func.count()).select_from(Job).where(Job.kind == kind))


def test_registrations(statuses, db):
    """Requirement 64."""

    def body(n):
        return {"username": f"person{n}", "email": f"person{n}@example.com", "password": PASSWORD}

    found = statuses("POST", "/auth/register", body)
    assert (found.count(202), found.count(429)) == (LIMIT, NETWORKS - LIMIT)
    elsewhere = statuses("POST", "/auth/register", lambda n: body(900 + n), ["2001:db8:2::1"])
    assert elsewhere == [202]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/auth/password/forgot", "auth.forgot_password"),
        ("/auth/verify-email/resend", "auth.resend_verification"),
    ],
)
def test_mails_asked_for(statuses, db, path, kind):
    """Requirement 64. The response reveals nothing."""
    found = statuses("POST", path, lambda n: {"email": f"person{n}@example.com"})
    assert found == [202] * NETWORKS
    assert jobs_of(db, kind) == LIMIT


def test_changes_of_an_address(statuses, db):
    """Requirement 64."""
    headers = {"Authorization": f"Bearer {token_for(make_user())}"}

    def body(n):
        return {"new_email": f"person{n}@example.com", "password": PASSWORD}

    found = statuses("POST", "/auth/email-change", body, headers=headers)
    assert found == [202] * NETWORKS
    assert jobs_of(db, "auth.change_email") == LIMIT


def test_codes_of_a_second_factor(statuses, db):
    """Requirement 64."""
    found = statuses("POST", "/auth/token/mfa", lambda _: {"mfa_token": "x" * 43, "code": "123456"})
    assert (found.count(401), found.count(429)) == (LIMIT, NETWORKS - LIMIT)


def test_journeys_to_google(statuses, db, settings, monkeypatch):
    """Requirement 64."""
    settings(GOOGLE_CLIENT_ID="x", GOOGLE_CLIENT_SECRET="x", GOOGLE_ISSUER="http://127.0.0.1:1")
    begun = statuses("GET", "/auth/google/login", addresses=networks(number=110))
    assert (begun.count(302), begun.count(429)) == (100, 10)


def test_whoever_counts_addresses_counts_both():
    """A limit for addresses that is not an `AddressLimit` would not hold for a site."""
    by_address = (throttle.REGISTRATIONS, throttle.MAILS_ASKED_FOR, throttle.WRONG_CODES_HERE)
    assert {type(limit) for limit in (*by_address, google_routes.journeys)} == {AddressLimit}
    assert not callable(RateLimit("x", "1 per hour"))


def test_an_ipv4_address_is_counted_once():
    limit = AddressLimit("addresses of a test", "2 per hour")
    assert [limit.allows("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert limit.allows("::ffff:192.0.2.1") is False
    assert limit.allows("192.0.2.2")


def test_failures_are_counted_for_both():
    limit = AddressLimit("failures of a test", "2 per hour")

    def fail(address):
        with limit.failures(Forbidden, address):
            raise Forbidden

    for address in ("2001:db8:1:1::1", "2001:db8:1:2::1"):
        with pytest.raises(Forbidden):
            fail(address)
    with pytest.raises(TooManyRequests):
        fail("2001:db8:1:3::1")
    with pytest.raises(Forbidden):
        fail("2001:db8:2:1::1")


def test_a_site_that_is_refused_fills_no_memory():
    """A /48 network contains 65,536 /64 networks.

    If each of them had a counter, the counters would stay in memory for hours, and each
    later request would scan all of them.
    """
    limit = AddressLimit("tests", f"{LIMIT} per hour")
    allowed = [limit.allows(address) for address in networks(number=10 * LIMIT)]
    assert allowed.count(True) == LIMIT
    kept: Any = limit_counters().local.storage
    assert len(kept.storage) == LIMIT + 1  # one counter for each network, and one for the site
