"""An ID token is accepted only if it is valid (requirement 27).

The provider must have signed it for us, and for this sign-in.
"""

import time

import pytest
from joserfc import jwt
from joserfc.jws import JWSRegistry
from joserfc.registry import HeaderParameter
from sqlalchemy import select

from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.google.gateway import provider
from app.routers.auth.models import Identity, OneTimeToken, User
from tests.auth.google.conftest import said
from tests.auth.steps import bearer
from tests.support.clocks import host_ahead
from tests.support.openid import CLIENT, key, signed_with_secret, unsigned

OURS = CLIENT["GOOGLE_CLIENT_ID"]


def seconds_from_now(offset):
    """Return a time relative to now. A test may run minutes after it was collected."""
    return lambda: int(time.time()) + offset


def claims_now(change):
    return {name: value() if callable(value) else value for name, value in change.items()}


CLAIMS = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "another"},
    "several audiences": {"aud": [OURS, "another"], "azp": OURS},
    "no audience": {"aud": None},
    "asked for by another": {"azp": "another"},
    "another issuer": {"iss": "https://accounts.google.com.evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": seconds_from_now(-61)},
    "no expiry": {"exp": None},
    "an expiry that is no number": {"exp": "tomorrow"},
    "not yet": {"nbf": seconds_from_now(200)},
    "issued in the future": {"iat": seconds_from_now(200)},
    "no time of issue": {"iat": None},
    "an empty subject": {"sub": ""},
    "no subject": {"sub": None},
    "a subject that is no text": {"sub": 42},
    "a long subject": {"sub": "1" * 256},
    "a subject beyond ASCII": {"sub": "\uff11"},
    "an address that is no text": {"email": 42},
    "no address": {"email": None},
}


def signed(claims, alg="RS256", by="first", registry=None, **header):
    header = {"alg": alg, "kid": "first"} | header
    return jwt.encode(header, claims, key(by), algorithms=[alg], registry=registry)


LAX = JWSRegistry({"x": HeaderParameter("Made up", "int")})
PUBLIC = {"jwk": key("foreign").as_dict(private=False)}
TOKENS = {
    "no token": lambda _: "",
    "no signature": lambda claims: unsigned(claims, "none"),
    "no signature, spelled otherwise": lambda claims: unsigned(claims, "nOnE"),
    "no signature under a good name": lambda claims: unsigned(claims, "RS256"),
    "an algorithm off the list": lambda claims: signed(claims, "RS512"),
    "another's key under the provider's name": lambda claims: signed(claims, by="foreign"),
    "an unknown key": lambda claims: signed(claims, by="foreign", kid="nobody's"),
    "a key that it brings along": lambda claims: signed(claims, by="foreign", **PUBLIC),
    "the public key as a secret": lambda claims: signed_with_secret(
        claims, key("first").as_pem(private=False)
    ),
    "our secret as a secret": lambda claims: signed_with_secret(
        claims, CLIENT["GOOGLE_CLIENT_SECRET"].encode()
    ),
    "an unknown critical header": lambda claims: signed(claims, crit=["x"], x=1, registry=LAX),
    "a token of another kind": lambda claims: signed(claims, typ="at+jwt"),
    "no object": lambda claims: unsigned(claims, "RS256").replace(".", "!"),
    "too long": lambda _: "e" * 30_000,
}


def nothing_happened(db):
    codes = select(OneTimeToken).where(OneTimeToken.purpose == Purpose.GOOGLE_EXCHANGE)
    return all(db.scalar(rows) is None for rows in (select(User), select(Identity), codes))


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_that_is_not_as_it_must_be_lets_nobody_in(db, sign_in, change):
    """Requirements 27 and 30."""
    assert said(sign_in("1", "ada@example.com", **claims_now(change))) == {"error": "google_failed"}
    assert nothing_happened(db)


@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS)
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(db, impostor, sign_in, make):
    """Requirement 27."""
    impostor.id_token = make
    assert said(sign_in("1", "ada@example.com")) == {"error": "google_failed"}
    assert nothing_happened(db)


@pytest.mark.parametrize(
    "address",
    [
        "nobody",
        "ada@localhost",
        "ada lovelace@example.com",
        "ädä@example.com",
        "ada@example..com",
        "a" * 250 + "@x.org",
    ],
)
def test_an_impossible_address_is_named_as_the_reason(db, client, journey, sign_in, address):
    """Google itself sends this address, so another sign-in would have the same
    result.
    """
    assert said(sign_in("1", address)) == {"error": "google_email_unusable"}
    assert nothing_happened(db)
    sign_in("1", "ada@example.com")
    again = journey.exchange(
        said(sign_in("1", address))["code"]
    ).json()  # a linked account can still sign in
    assert client.get("/auth/me", headers=bearer(again)).json()["email"] == "ada@example.com"


def test_an_issuer_is_known_by_both_of_its_names(db, impostor, sign_in, monkeypatch):
    """Google signs as `https://accounts.google.com` or `accounts.google.com`.

    Both names mean the same issuer.
    """
    bare = impostor.url.removeprefix("http://")
    monkeypatch.setitem(
        provider.OTHER_SPELLINGS,
        impostor.url,
        provider.OTHER_SPELLINGS["https://accounts.google.com"],
    )
    for issuer in (impostor.url, "accounts.google.com", f"{impostor.url}/"):
        assert "code" in said(sign_in("1", "ada@example.com", iss=issuer))
    assert [row.issuer for row in db.scalars(select(Identity))] == [impostor.url]
    for issuer in (
        bare,
        "https://accounts.google.com",
        "accounts.google.com.evil.example",
        f"{impostor.url}//",
    ):
        assert said(sign_in("1", "ada@example.com", iss=issuer)) == {"error": "google_failed"}


def test_googles_other_name_is_its_name_without_the_scheme(settings):
    settings(GOOGLE_ISSUER="https://accounts.google.com/")
    assert provider.spellings_of_issuer() == [
        "https://accounts.google.com",
        "https://accounts.google.com/",
        "accounts.google.com",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"aud": [OURS]},
        {"azp": OURS},
        {"exp": seconds_from_now(-30), "iat": seconds_from_now(30)},
    ],
)
def test_what_is_as_it_must_be_lets_in(db, sign_in, change):
    """Requirement 27: this proves that each token above is refused only because of its
    fault.

    Clocks may differ by a minute.
    """
    assert "code" in said(sign_in("1", "ada@example.com", **claims_now(change)))


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_host_with_a_wrong_clock_lets_in_too(db, sign_in, minutes):
    """R13: the provider's times are compared with the database's."""
    issued = {"iat": seconds_from_now(0), "exp": seconds_from_now(120)}
    claims = claims_now(issued)
    with host_ahead(minutes=minutes):
        assert "code" in said(sign_in("1", "ada@example.com", **claims))
