"""A provider, or an impostor in its place, cannot block us, flood us or redirect us.

We also do not send too many requests to the provider.
"""

import gzip
import time
from typing import Any

import pytest
from pydantic import ValidationError

from app.core.config import Settings
from app.routers.auth.google.gateway import openid
from tests.auth.google.conftest import said
from tests.auth.steps import outcome
from tests.support.openid import CLIENT, key, reply

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def impatient(monkeypatch):
    """The production timeouts, divided by ten."""
    monkeypatch.setattr(openid, "TOTAL_SECONDS", 1.0)


def hang(request):
    time.sleep(3)


def drip(request):
    """Send a header one byte at a time. Each byte arrives well before any read
    timeout.
    """
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(30):
        request.wfile.write(b"x")
        time.sleep(0.1)


def drip_body(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(30):
        request.wfile.write(b" ")
        time.sleep(0.1)


def close(request):
    request.close_connection = True


def elsewhere(request):
    reply(request, {}, 302, Location="/elsewhere")


def flood(request):
    reply(request, b" " * 2 * openid.MAX_BYTES)


def bomb(request):
    reply(request, gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")


SPOILED = {
    "hangs": (hang, "google_unavailable"),
    "drips its headers": (drip, "google_unavailable"),
    "drips its body": (drip_body, "google_unavailable"),
    "hangs up": (close, "google_unavailable"),
    "is broken": (lambda request: reply(request, {}, 500), "google_unavailable"),
    "sends elsewhere": (elsewhere, "google_failed"),
    "floods": (flood, "google_unavailable"),
    "sends a bomb": (bomb, "google_unavailable"),
    "has nothing": (lambda request: reply(request, {}, 404), "google_failed"),
    "sends no JSON": (lambda request: reply(request, b"<html>"), "google_failed"),
    "sends deep JSON": (lambda request: reply(request, b"[" * 100_000), "google_failed"),
    "sends a list": (lambda request: reply(request, []), "google_failed"),
    "sends nothing of use": (lambda request: reply(request, {"keys": 7}), "google_failed"),
    "refuses the code": (
        lambda request: reply(request, {"error": "invalid_grant"}, 400),
        "google_failed",
    ),
}


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys"])
@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED)
@pytest.mark.usefixtures("impatient")
def test_a_misbehaving_provider_costs_a_second_and_no_sign_in(impostor, journey, path, spoiled):
    spoil, word = spoiled
    impostor.answers[path] = spoil
    started = time.monotonic()
    if path == DISCOVERY:
        answer = journey.begin()
    else:
        journey.begin()
        impostor.vouch("1", "ada@example.com", journey.asked["nonce"])
        answer = journey.come_back()
    assert said(answer) == {"error": word}
    assert time.monotonic() - started < 10
    assert impostor.asked["/elsewhere"] == 0


def test_whoever_wants_to_link_is_told_by_a_problem(client, db, login, impostor):
    impostor.answers[DISCOVERY] = lambda request: reply(request, {}, 500)
    assert outcome(client.post("/auth/google/link")) == (503, "google_unavailable")


def test_the_documents_are_asked_for_once(impostor, sign_in):
    for _ in range(3):
        assert "code" in said(sign_in("1", "ada@example.com"))
    assert (impostor.asked[DISCOVERY], impostor.asked["/keys"], impostor.asked["/token"]) == (
        1,
        1,
        3,
    )


def test_a_new_key_is_fetched_once_a_minute_at_most(impostor, sign_in, monkeypatch):
    """An unknown `kid` refreshes the keys at most once a minute."""
    sign_in("1", "ada@example.com")
    impostor.keys = [key("second")]
    impostor.id_token = lambda claims: impostor.sign(claims, kid="second")
    assert [said(sign_in("1", "ada@example.com")) for _ in range(3)] == 3 * [
        {"error": "google_failed"}
    ]
    assert impostor.asked["/keys"] == 1
    a_minute_later(monkeypatch)
    assert "code" in said(sign_in("1", "ada@example.com"))
    assert impostor.asked["/keys"] == 2


def test_new_keys_are_fetched_at_most_once_a_minute(impostor, sign_in, monkeypatch):
    """The limit holds whether the request for the keys succeeded or failed.

    Otherwise, anyone who sends unknown `kid`s could make us send more requests to
    Google while Google has problems.
    """
    sign_in("1", "ada@example.com")
    impostor.id_token = lambda claims: impostor.sign(claims, kid="made up")
    impostor.answers["/keys"] = lambda request: reply(request, {}, 500)
    a_minute_later(monkeypatch)
    for seconds in (0, 6, 14, 20):  # 40 s in total, so a busy machine may be 20 s late
        later(monkeypatch, seconds)
        assert said(sign_in("1", "ada@example.com")) == {"error": "google_failed"}
        assert impostor.asked["/keys"] == 2
    later(monkeypatch, 21)
    sign_in("1", "ada@example.com")
    assert impostor.asked["/keys"] == 3


def test_what_was_never_fetched_is_asked_for_again_soon(impostor, journey, monkeypatch):
    """Otherwise, a short failure when the application starts would keep Google's users
    out for a minute.
    """
    impostor.answers[DISCOVERY] = lambda request: reply(request, {}, 500)
    assert said(journey.begin()) == {"error": "google_unavailable"}
    del impostor.answers[DISCOVERY]
    assert said(journey.begin()) == {"error": "google_unavailable"}
    later(monkeypatch, openid.PAUSE_SECONDS)
    journey.begin()
    assert journey.asked["state"]


def test_keys_that_cannot_be_renewed_serve_on(impostor, sign_in, monkeypatch):
    sign_in("1", "ada@example.com")
    for path in (DISCOVERY, "/keys"):
        impostor.answers[path] = lambda request: reply(request, {}, 500)
    later(monkeypatch, openid.KEPT_SECONDS + 1)
    assert "code" in said(sign_in("1", "ada@example.com"))


@pytest.mark.usefixtures("impatient")
def test_after_a_failure_the_next_do_not_wait_for_it_again(impostor, journey):
    impostor.answers[DISCOVERY] = hang
    journey.begin()
    started = time.monotonic()
    for _ in range(5):
        assert said(journey.begin()) == {"error": "google_unavailable"}
    assert time.monotonic() - started < 4  # each of the five would wait for one second
    assert impostor.asked[DISCOVERY] == 1


@pytest.mark.parametrize(
    "change", [{"issuer": "https://evil.example"}, {"token_endpoint": "ftp://evil.example"}]
)
def test_a_discovery_document_that_is_not_the_issuers_is_refused(impostor, journey, change):
    """OpenID Connect Discovery 1.0, 4.3."""
    good = {
        "issuer": impostor.url,
        "jwks_uri": f"{impostor.url}/keys",
        "token_endpoint": f"{impostor.url}/token",
    }
    document = good | {"authorization_endpoint": f"{impostor.url}/authorization"} | change
    impostor.answers[DISCOVERY] = lambda request: reply(request, document)
    assert said(journey.begin()) == {"error": "google_failed"}


GOOD: dict[str, Any] = {
    "secret_key": "a secret that only tests know: 9f8e7d6c5b4a",
    "environment": "development",
}
PAIR: dict[str, Any] = {name.lower(): value for name, value in CLIENT.items()}


@pytest.mark.parametrize(
    "wrong",
    [
        PAIR | {"google_issuer": "http://accounts.example.com"},
        PAIR | {"google_issuer": "http://127.0.0.1.evil.example"},
        PAIR | {"google_issuer": "http://localhost.evil.example"},
        {"google_client_id": "alone"},
        {"google_client_secret": "alone"},
    ],
)
def test_settings_that_would_not_be_safe_are_refused_by_name(wrong):
    with pytest.raises(ValidationError, match="GOOGLE_"):
        Settings(_env_file=None, **GOOD, **wrong)


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:1234", "http://localhost:1", "http://[::1]:1", "https://a.example"]
)
def test_a_provider_on_this_machine_may_speak_plain_http(issuer):
    assert Settings(_env_file=None, **GOOD, **PAIR, google_issuer=issuer).google_issuer == issuer


def a_minute_later(monkeypatch):
    later(monkeypatch, openid.ASKED_SECONDS + 1)


def later(monkeypatch, seconds):
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + seconds)
