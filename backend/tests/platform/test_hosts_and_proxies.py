"""Requests must use our own host names, and only trusted proxies may send forwarding
headers (requirements 6 and 32).
"""

import logging

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from app.core.config import get_settings
from app.core.networks import limiter_key
from app.main import create_app
from app.platform import middleware


def app_with(**settings):
    return create_app(get_settings().model_copy(update=settings))


@pytest.mark.parametrize("host", ["api.example.com", "API.example.com", "api.example.com:8443"])
def test_a_host_name_of_ours_is_answered(migrated, host):
    client = TestClient(
        app_with(allowed_hosts=["api.example.com"]), base_url="http://api.example.com"
    )
    assert client.get("/auth/me", headers={"Host": host}).status_code == 401


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "api.example.com.evil.example",
        "evil-api.example.com",
        "api.example.com@evil.example",
        "",
        "a b",
        "[",
    ],
)
def test_any_other_is_refused(migrated, host):
    """Requirement 32."""
    client = TestClient(
        app_with(allowed_hosts=["api.example.com"]), base_url="http://api.example.com"
    )
    answer = client.get("/auth/me", headers={"Host": host, "X-Forwarded-Host": "api.example.com"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("environment", ["development", "test"])
@pytest.mark.parametrize("path", ["/dev/mailbox.json", "/auth/me", "/openapi.json"])
def test_in_development_a_rebound_host_name_is_refused(settings, db, environment, path):
    """With DNS rebinding, a stranger's page would have our origin, and could read the
    mailbox.
    """
    settings(ENVIRONMENT=environment, EMBEDDED_WORKER="false")
    client = TestClient(create_app(), base_url="http://rebound.evil.example:8000")
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000"):
        assert client.get(path, headers={"Host": host}).status_code != 400


def test_probes_ask_by_address(migrated):
    client = TestClient(
        app_with(allowed_hosts=["api.example.com"]), base_url="http://10.0.0.7:8000"
    )
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200
    assert client.get("/healthy").status_code == 400


def trusting(*proxies):
    return get_settings().model_copy(update={"trusted_proxies": list(proxies)})


@pytest.fixture
def seen(caplog):
    """`seen(peer, headers, trusted)` returns the limiter's key, logged address and
    scheme.
    """

    def ask(peer, headers, trusted=()):
        app = FastAPI(middleware=middleware.middleware_stack(trusting(*trusted)))

        @app.get("/seen")
        def see(request: Request) -> str:
            assert request.client
            return f"{limiter_key(request.client.host)} {request.url.scheme}"

        caplog.clear()
        with caplog.at_level(logging.INFO, "app.access"):
            key, scheme = (
                TestClient(app, client=(peer, 50_000)).get("/seen", headers=headers).json().split()
            )
        logged = next(record.msg for record in caplog.records if record.name == "app.access")
        return key, logged["client"], scheme

    return ask


FORGED = [
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("X-Real-IP", "203.0.113.9"),
]
FORGED += [
    ("Forwarded", "for=203.0.113.9;proto=https"),
    ("X-Client-IP", "203.0.113.9"),
    ("CF-Connecting-IP", "203.0.113.9"),
]


@pytest.mark.parametrize("peer", ["198.51.100.7", "127.0.0.1", "10.0.0.1"])
def test_what_an_untrusted_peer_forwards_changes_nothing(seen, migrated, peer):
    """Requirement 6."""
    assert seen(peer, FORGED) == (peer, peer, "http")
    assert seen(peer, FORGED, trusted=["192.0.2.0/24"]) == (peer, peer, "http")


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("1.2.3.4,203.0.113.9 , 10.0.0.2,10.0.0.3", "203.0.113.9"),
        ("203.0.113.9:4711, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.3", "10.0.0.3"),
        ("", "10.0.0.1"),
    ],
)
def test_from_a_trusted_proxy_the_last_untrusted_address_counts(seen, migrated, forwarded, client):
    assert seen("10.0.0.1", {"X-Forwarded-For": forwarded}, trusted=["10.0.0.0/8"]) == (
        client,
        client,
        "http",
    )


def ignored(caplog):
    return [
        record.msg["peer"]
        for record in caplog.records
        if record.msg["event"] == "forwarded_for_ignored"
    ]


def test_a_proxy_that_is_not_declared_is_warned_of_once(migrated, caplog):
    """Without a declaration, everything works until one visitor uses up everyone's
    limits.
    """
    app = FastAPI(middleware=middleware.middleware_stack(trusting("10.0.0.0/8")))
    caplog.set_level(logging.WARNING, "app.platform.middleware")
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    TestClient(app, client=("10.0.0.1", 50_000)).get("/health/live", headers=forwarded)
    TestClient(app, client=("192.0.2.1", 50_000)).get("/health/live")
    assert ignored(caplog) == []
    for peer in ("192.0.2.1", "192.0.2.2", "not an address"):
        TestClient(app, client=(peer, 50_000)).get("/health/live", headers=forwarded)
    assert ignored(caplog) == ["192.0.2.1"]
    assert not [record for record in caplog.records if "203.0.113.9" in str(record.msg)]


def test_without_any_declared_proxy_it_is_warned_of_too(migrated, caplog):
    caplog.set_level(logging.WARNING, "app.platform.middleware")
    client = TestClient(
        FastAPI(middleware=middleware.middleware_stack(trusting())), client=("127.0.0.1", 50_000)
    )
    for _ in range(2):
        client.get("/health/live", headers={"X-Forwarded-For": "203.0.113.9"})
    assert ignored(caplog) == ["127.0.0.1"]


def test_several_headers_are_one_list(seen, migrated):
    headers = [
        ("X-Forwarded-For", "1.2.3.4"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Proto", "https"),
    ]
    assert seen("10.0.0.1", headers, trusted=["10.0.0.0/8"]) == (
        "203.0.113.9",
        "203.0.113.9",
        "https",
    )


def test_addresses_of_one_ipv6_network_share_a_limit(seen, migrated):
    one, other = (f"2001:db8:1:2::{end}" for end in (1, 2))
    assert seen(one, {})[0] == seen(other, {})[0] == "2001:db8:1:2::/64"
    assert seen(one, {})[1] == one


def test_a_forged_address_does_not_escape_a_limit(client, db, clock):
    """Requirement 6."""
    statuses = [
        client.post(
            "/auth/register", json={}, headers={"X-Forwarded-For": f"203.0.113.{number}"}
        ).status_code
        for number in range(31)
    ]
    assert statuses == [422] * 30 + [429]
