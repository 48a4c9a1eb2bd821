"""A user goes to Google and back. A certified provider takes the place of Google."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from app.routers.auth.models import Identity, LoginSession, OneTimeToken, User
from tests.auth.factories import make_user
from tests.auth.google.conftest import CALLBACK, said
from tests.auth.steps import bearer, outcome


def go(provider, journey, name, **query):
    """Sign in at the provider, come back, and return the query of the frontend's
    URL.
    """
    url = journey.begin(**query).headers["Location"]
    back = provider.sign_in(url, name, CALLBACK)
    return said(journey.client.get(back.removeprefix("http://testserver"), follow_redirects=False))


def test_a_new_account_is_verified_and_named_after_its_address(client, db, provider, journey):
    provider.put("ada", email="Ada.Lovelace+news@Example.com", email_verified=True)
    told = go(provider, journey, "ada", next="/posts?page=2")
    assert told["next"] == "/posts?page=2"
    token = journey.exchange(told["code"]).json()
    me = client.get("/auth/me", headers=bearer(token)).json()
    assert me["username"] == "ada.lovelace"
    assert me["email"] == "ada.lovelace+news@example.com"
    assert (me["is_verified"], me["has_google"], me["has_password"]) == (True, True, False)


def test_whoever_comes_again_meets_the_same_account(db, provider, journey):
    provider.put("grace", email="grace@example.com", email_verified=True)
    for _ in range(2):
        assert journey.exchange(go(provider, journey, "grace")["code"]).status_code == 200
    assert len(db.scalars(select(Identity)).all()) == 1


def test_a_taken_or_reserved_name_gets_a_number(db, provider, journey):
    make_user(username="linus")
    for subject, email in (
        ("linus", "linus@example.com"),
        ("root", "admin@example.com"),
        ("short", "a@example.com"),
    ):
        provider.put(subject, email=email, email_verified=True)
        go(provider, journey, subject)
    names = db.scalars(select(User.username).order_by(User.id)).all()
    assert [name.rstrip("0123456789") for name in names] == ["linus", "linus-", "admin-", "a-"]


def test_the_refresh_token_goes_into_the_cookie_on_request(db, provider, journey):
    provider.put("ada", email="ada@example.com", email_verified=True)
    answer = journey.exchange(go(provider, journey, "ada")["code"], mode="cookie")
    assert answer.json()["refresh_token"] is None
    assert "HttpOnly" in answer.headers["Set-Cookie"]


def test_state_nonce_s256_challenge_and_httponly_cookie_are_set(db, provider, journey):
    """Requirement 27."""
    answer = journey.begin()
    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "no-store"
    assert journey.asked["code_challenge_method"] == "S256"
    assert len(journey.asked["code_challenge"]) == 43
    assert len(journey.asked["nonce"]) == 64
    assert len(journey.asked["state"]) == 43
    assert journey.asked["scope"] == "openid email"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()


def test_the_verifier_belongs_to_the_challenge(db, impostor, journey, sign_in):
    """Requirement 27."""
    sign_in("1", "ada@example.com")
    challenge = (
        urlsafe_b64encode(sha256(impostor.form["code_verifier"].encode()).digest())
        .rstrip(b"=")
        .decode()
    )
    assert journey.asked["code_challenge"] == challenge
    assert impostor.form["redirect_uri"] == CALLBACK
    assert impostor.form["code"] == "made up"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "login"),
        ("GET", "callback"),
        ("POST", "link"),
        ("POST", "exchange"),
    ],
)
def test_without_the_settings_there_is_no_google(client, db, method, path):
    answer = client.request(
        method, f"/auth/google/{path}", json={"code": "any"} if path == "exchange" else None
    )
    assert outcome(answer) == (404, "google_disabled"), path


def test_who_says_no_comes_back_with_a_word(db, provider, journey):
    journey.begin()
    assert said(journey.come_back(error="access_denied")) == {"error": "google_denied"}
    assert said(journey.come_back(error="access_denied")) == {"error": "invalid_state"}


def test_a_code_of_the_callback_works_once(db, journey, sign_in):
    """Requirement 11."""
    code = said(sign_in("1", "ada@example.com"))["code"]
    assert journey.exchange(code).status_code == 200
    assert outcome(journey.exchange(code)) == (400, "invalid_token")


def test_a_code_of_the_callback_is_over_after_a_minute(db, journey, sign_in, clock):
    """Requirement 12."""
    code = said(sign_in("1", "ada@example.com"))["code"]
    clock.shift(60.5)
    assert outcome(journey.exchange(code)) == (400, "invalid_token")


def test_no_token_of_another_kind_is_exchanged(db, journey, impostor):
    """Requirement 13."""
    journey.begin()
    assert outcome(journey.exchange(journey.asked["state"])) == (400, "invalid_token")
    assert outcome(journey.exchange("x" * 43)) == (400, "invalid_token")


def test_no_secret_given_to_browser_or_google_is_stored(db, impostor, journey, sign_in):
    """Requirement 10."""
    code = said(sign_in("1", "ada@example.com"))["code"]
    secrets = {code, journey.asked["state"], journey.asked["nonce"], impostor.form["code_verifier"]}
    secrets.add(journey.client.cookies["liftoff-google"])
    rows = [str(row) for row in db.execute(select(OneTimeToken.__table__))]
    assert len(rows) == 2
    assert not [secret for secret in secrets for row in rows if secret in row]


def test_no_token_is_ever_in_an_address(db, sign_in):
    answer = sign_in("1", "ada@example.com")
    assert answer.status_code == 303
    assert set(said(answer)) == {"code"}
    assert "eyJ" not in answer.headers["Location"]


def test_a_disabled_account_stays_closed(db, sign_in):
    user = make_user(email="ada@example.com", is_verified=False, is_active=False)
    assert said(sign_in("1", user.email)) == {"error": "account_disabled"}
    assert db.scalars(select(LoginSession)).all() == []


HOSTILE = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%5cevil.example",
    "/%2fevil.example", "/%2F/evil.example", "https:evil.example", "https://evil.example",
    "https:/evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
    "/ok\r\nLocation: https://evil.example", "/ok%0d%0aSet-Cookie: a=b", "/ok\x0b", "/ok\tx",
    " /ok", "/ /evil.example", "/a//evil.example", "/./", "/..//evil.example", "/a/../../b",
    "@evil.example", ".evil.example", ":80@evil.example", "http://localhost:8000@evil.example/",
    "http://localhost:8000.evil.example/", "?next=//evil.example\\", "/\u2028x", "/\u202ex",
    "/" + "a" * 500,
]  # fmt: skip


@pytest.mark.parametrize("page", HOSTILE)
def test_a_hostile_next_page_is_left_out(db, journey, impostor, page):
    """Requirement 31."""
    journey.begin(next=page)
    impostor.vouch("1", "ada@example.com", journey.asked["nonce"])
    answer = journey.come_back()
    assert set(said(answer)) == {"code"}
    assert "evil" not in answer.headers["Location"]


@pytest.mark.parametrize(
    "page",
    ["/", "/posts", "/posts/", "/p/a-b_c.html?q=a%20b&to=/x#top", "/gr%C3%BC%C3%9Fe", "/@ada"],
)
def test_a_page_of_the_frontend_is_given_back(db, journey, impostor, page):
    """Requirement 31."""
    journey.begin(next=page)
    impostor.vouch("1", "ada@example.com", journey.asked["nonce"])
    assert said(journey.come_back())["next"] == page


@pytest.mark.parametrize(
    "header", ["Host", "X-Forwarded-Host", "X-Forwarded-Server", "Forwarded", "X-Original-Host"]
)
def test_a_hostile_host_moves_no_address(client, impostor, journey, header):
    """Requirement 32."""
    evil = {
        "Forwarded": "host=evil.example",
        "Host": "localhost",
    }  # an unknown Host would be refused, so this is another name of our server
    hostile = {header: evil.get(header, "evil.example")}
    answer = client.get("/auth/google/login", headers=hostile, follow_redirects=False)
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["redirect_uri"] == [CALLBACK]
    journey.note(answer.headers["Location"])
    impostor.vouch("1", "ada@example.com", journey.asked["nonce"])
    query = {"code": "any", "state": journey.asked["state"]}
    # The test client would choose cookies by the Host header. A browser chooses cookies
    # by the address that it shows.
    cookie = {"Cookie": f"liftoff-google={answer.cookies['liftoff-google']}"}
    back = client.get(
        "/auth/google/callback", params=query, headers=hostile | cookie, follow_redirects=False
    )
    assert "code" in said(back)
    assert impostor.form["redirect_uri"] == CALLBACK
