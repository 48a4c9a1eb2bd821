"""An access token must be our own, unaltered and current.

It must also belong to a live session of an active user.
"""

import json
import socket
from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from app.core.keys import derive_key
from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.auth.models import LoginSession, User
from tests.auth.factories import make_user, token_for
from tests.auth.tokens import HEADER, ask, encoded, signed

GONE = object()


def claims_of(token):
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))


def test_our_own_signature_is_what_these_tests_make(client, token):
    assert ask(client, signed(HEADER, claims_of(token))).status_code == 200


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", None, 0, ["HS256"], {"HS256": 1}]
)
def test_a_token_without_a_signature_is_refused(refused, token, alg):
    """Requirement 14."""
    _, payload, signature = token.split(".")
    for last in ("", signature):
        assert refused(f"{encoded(HEADER | {'alg': alg})}.{payload}.{last}")


@pytest.mark.parametrize(
    "alg", ["HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "hs256", "HS256 ", "dir"]
)
def test_any_other_algorithm_is_refused(refused, token, alg):
    """Requirement 14."""
    assert refused(signed(HEADER | {"alg": alg}, claims_of(token)))


@pytest.mark.parametrize(
    "key",
    [b"\0", b"secret", b"a secret that only tests know: 9f8e7d6c5b4a", derive_key("cursor")],
    ids=repr,
)
def test_any_other_key_is_refused(refused, token, key):
    """Requirement 14."""
    assert refused(signed(HEADER, claims_of(token), key))


@pytest.mark.parametrize(
    "extra",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"jku": "http://127.0.0.1:9/jwks.json"},
        {"x5u": "http://127.0.0.1:9/cert.pem"},
        {"jwk": {"kty": "oct", "k": encoded(b"attacker's own key of 32 bytes!!")}},
        {"x5c": ["MIIB"]},
    ],
    ids=str,
)
def test_a_key_that_the_token_itself_brings_is_not_used(refused, token, extra):
    """Requirement 15."""
    attacker = b"attacker's own key of 32 bytes!!"
    assert refused(signed(HEADER | extra, claims_of(token), attacker))


@pytest.mark.parametrize("header", ["jku", "x5u"])
def test_no_address_that_a_token_names_is_asked(refused, token, header):
    """Requirement 15."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
        assert refused(
            signed(
                HEADER | {header: url, "kid": "1"},
                claims_of(token),
                b"attacker's own key of 32 bytes!!",
            )
        )
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("crit", [["exp"], ["b64"], ["unknown"], [], "exp", [1], None])
def test_a_critical_extension_that_we_do_not_know_is_refused(refused, token, crit):
    """Requirement 15."""
    assert refused(signed(HEADER | {"crit": crit, "unknown": 1}, claims_of(token)))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "iat", "exp"])
def test_a_token_without_one_of_its_claims_is_refused(refused, token, claim):
    """Requirement 16."""
    claims = claims_of(token)
    del claims[claim]
    assert refused(signed(HEADER, claims))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "https://evil.example"),
        ("iss", ["http://testserver"]),
        ("aud", "other"),
        ("aud", []),
        ("aud", None),
        ("sub", "0"),
        ("sub", "-1"),
        ("sub", str(2**63)),
        ("sub", "9" * 400),
        ("sub", "one"),
        ("sub", ""),
        ("sub", None),
        ("sub", ["1"]),
        ("sub", {"1": 1}),
        ("sid", 2**63),
        ("sid", 10**300),
        ("sid", "one"),
        ("sid", None),
        ("exp", "tomorrow"),
        ("exp", None),
        ("exp", [1]),
        ("exp", 0),
        ("iat", "today"),
        ("iat", True),
        ("iat", float("inf")),
        ("nbf", 4_000_000_000),
        ("nbf", "tomorrow"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_claim_is_refused(refused, token, claim, value):
    """Requirement 16."""
    assert refused(signed(HEADER, claims_of(token) | {claim: value}))


@pytest.mark.parametrize(
    "claims", [[], "text", 1, None, b"no json", b"", b"\xff", b"{" * 300, b'{"a":NaN}']
)
def test_claims_that_are_no_object_are_refused(refused, claims):
    assert refused(signed(HEADER, claims))


@pytest.mark.parametrize("typ", ["JWT", "refresh+jwt", "mfa+jwt", "", None, ["at+jwt"], GONE])
def test_a_token_of_another_kind_is_refused(refused, token, typ):
    """Requirement 13."""
    header = {"alg": "HS256"} if typ is GONE else HEADER | {"typ": typ}
    assert refused(signed(header, claims_of(token)))


def test_a_token_lives_15_minutes_and_one_of_grace(client, clock, db):
    """Requirement 16."""
    token = token_for(make_user())
    clock.shift(15 * 60 + 58)
    assert ask(client, token).status_code == 200
    clock.shift(3)
    assert ask(client, token).status_code == 401


def test_no_two_tokens_are_the_same(client, db):
    """A client compares them to find out whether a refused token has been replaced."""
    user = make_user()
    tokens = [token_for(user) for _ in range(3)]
    assert [ask(client, token).status_code for token in tokens] == [200] * 3
    assert len({claims_of(token)["jti"] for token in tokens}) == 3


@pytest.mark.parametrize("ahead", [61, 300, 300.5])
def test_a_token_of_a_host_that_is_ahead_is_taken(client, db, token, ahead):
    """A future `iat` is ignored (R13).

    Otherwise, half of all requests would be refused if the clocks of two hosts differed
    by 90 s.
    """
    assert (
        ask(
            client, signed(HEADER, claims_of(token) | {"iat": utc_now().timestamp() + ahead})
        ).status_code
        == 200
    )


def test_a_token_that_is_not_yet_valid_is_refused(refused, client, token):
    """Requirement 16, with a minute of leeway."""
    assert (
        ask(
            client, signed(HEADER, claims_of(token) | {"nbf": int(utc_now().timestamp()) + 50})
        ).status_code
        == 200
    )
    assert refused(signed(HEADER, claims_of(token) | {"nbf": int(utc_now().timestamp()) + 70}))


CHANGES = {
    "session ended": lambda: update(LoginSession).values(ended_at=utc_now()),
    "session expired": lambda: update(LoginSession).values(
        expires_at=utc_now() - timedelta(seconds=1)
    ),
    "session deleted": lambda: delete(LoginSession),
    "user disabled": lambda: update(User).values(is_active=False),
    "user deleted": lambda: delete(User),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_ends_a_session_stops_its_token_at_the_next_request(client, token, change):
    """Requirement 21."""
    assert ask(client, token).status_code == 200
    with SessionLocal() as db, db.begin():
        db.execute(CHANGES[change]())
    assert ask(client, token).status_code == 401


def test_a_token_whose_session_is_another_users_is_refused(refused, token):
    other = claims_of(token_for(make_user()))
    assert refused(signed(HEADER, claims_of(token) | {"sid": other["sid"]}))
