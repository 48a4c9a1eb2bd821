"""Passwords and tokens: only this module knows how they are made and checked."""

import math
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, OctKey
from passlib.context import CryptContext

from app.core.admission import Admission
from app.core.config import get_settings
from app.core.errors import Unavailable
from app.core.keys import BadSignature, derive_keys, sign, unsign
from app.core.types import MAX_ID, now

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
LEEWAY_SECONDS = 60
MAX_TOKEN = 2_000  # characters; ours have about 350
ALGORITHM = "HS256"
AUDIENCE = "liftoff"
# No HMAC algorithm is among them, because a public key could pass as its secret.
ID_TOKEN_ALGORITHMS = ["RS256", "ES256"]
MAX_ID_TOKEN = 20_000  # characters
MAX_SUBJECT = 255  # ASCII characters (OpenID Connect Core 2)
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068: a token of another kind does not pass for this one

# For argon2id. With the 19 MiB of the settings, this is OWASP's first choice, and takes
# 20 ms of one core.
PASSES, LANES = 2, 1


class SignInBusy(Unavailable):
    """More requests wait to hash a password than the processors can serve in time.

    The other routes stay quick.
    """

    code = "sign_in_busy"
    detail = "Many people are signing in. Try again in a moment."


hashing = Admission(os.cpu_count() or 1, timeout=10, refusal=SignInBusy)


async def hashing_slot() -> AsyncIterator[None]:
    """Allow at most one password hash per processor at a time. Other callers wait,
    without holding a thread or a connection.
    """
    async with hashing.slot():
        yield


def hasher() -> CryptContext:
    """Return the hasher with the cost from the settings.

    A hash with another cost is replaced at the next sign-in.
    """
    return _hasher(get_settings().password_hash_kib)


@lru_cache
def _hasher(kib: int) -> CryptContext:
    return CryptContext(
        schemes=["argon2"],
        argon2__type="ID",
        argon2__memory_cost=kib,
        argon2__time_cost=PASSES,
        argon2__parallelism=LANES,
    )


def hash_password(password: str) -> str:
    return str(hasher().hash(password))


def verify_password(password: str, hashed: str | None) -> tuple[bool, str | None]:
    """Return whether the password is correct, and a new hash or `None`.

    There is a new hash if the old one has old parameters. Without a hash to compare
    with, this takes as long.
    """
    if hashed is None:
        hasher().verify(password, _nobodys_hash(hasher()))
        return False, None
    fits, replacement = hasher().verify_and_update(password, hashed)
    return bool(fits), replacement


@lru_cache
def _nobodys_hash(hasher: CryptContext) -> str:
    """Return a hash to compare with when there is no account.

    Comparing with it costs as much as with a hash that is made now. After a change of
    the cost, the hash of an account that has not signed in since takes a different
    time, and can be told from this one until its next sign-in.
    """
    return str(hasher.hash(secrets.token_urlsafe()))


@dataclass(frozen=True)
class Access:
    """The content of an access token."""

    user_id: int
    session_id: int


class InvalidSignature(ValueError):
    """The token is not one of ours, or is no longer valid."""


class UnknownKey(InvalidSignature):
    """The ID token names a key that is not, or not yet, in the provider's documents."""


def issue_access_token(access: Access) -> str:
    """Sign a token that names its session and is valid for `ACCESS_TOKEN_LIFE`."""
    issued = int(now().timestamp())
    claims = {
        "iss": _issuer(),
        "aud": AUDIENCE,
        "sub": str(access.user_id),
        "sid": access.session_id,
        "iat": issued,
        "exp": issued + int(ACCESS_TOKEN_LIFE.total_seconds()),
    }
    return jwt.encode(
        {"alg": ALGORITHM, "typ": TOKEN_TYPE}, claims, _keys()[0], algorithms=[ALGORITHM]
    )


def read_access_token(token: str, *, even_expired: bool = False) -> Access:
    """Return the content of a token.

    Raises `InvalidSignature` for a wrong form, signature, type, issuer, audience or
    time.
    """
    if len(token) > MAX_TOKEN or not token.isascii():
        raise InvalidSignature
    try:
        decoded = _decode(token)
        _claims(0 if even_expired else int(now().timestamp())).validate(decoded.claims)
        access = Access(int(decoded.claims["sub"]), int(decoded.claims["sid"]))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidSignature from error
    if decoded.header.get("typ") != TOKEN_TYPE or not (
        0 < access.user_id <= MAX_ID and 0 < access.session_id <= MAX_ID
    ):
        raise InvalidSignature
    return access


@dataclass(frozen=True)
class Expected:
    """The contents that an ID token must have. Its times are compared with `at`."""

    issuers: list[str]
    client_id: str
    nonce: str
    at: datetime


def read_id_token(token: str, keys: dict[str, Any], expected: Expected) -> dict[str, Any]:
    """Return the claims of a provider's ID token (OpenID Connect Core 3.1.3.7).

    The token must be for us alone, and must answer this sign-in. Raises `UnknownKey`,
    `InvalidSignature`.
    """
    if len(token) > MAX_ID_TOKEN or not token.isascii():
        raise InvalidSignature("no ID token")
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ID_TOKEN_ALGORITHMS)  # type: ignore[arg-type]
        _id_claims(expected).validate(decoded.claims)
    except InvalidKeyIdError as error:
        raise UnknownKey(str(error)) from error
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidSignature(f"{type(error).__name__}: {error}") from error
    claims = decoded.claims
    # A list of audiences may name parties that we do not know. A token of another type
    # is not an ID token (RFC 8725, 3.11).
    if (
        claims["aud"] not in (expected.client_id, [expected.client_id])
        or str(decoded.header.get("typ", "JWT")).upper() != "JWT"
    ):
        raise InvalidSignature("another audience or kind")
    if (
        not isinstance(claims["nonce"], str)
        or not claims["sub"].isascii()
        or len(claims["sub"]) > MAX_SUBJECT
    ):
        raise InvalidSignature("odd nonce or subject")
    return claims


def issue_refresh_token(session_id: int, number: int) -> str:
    """Return the session's refresh token with this number.

    It is derived, so it is the same each time.
    """
    return sign("refresh tokens", f"{session_id}.{number}".encode())


def read_refresh_token(token: str) -> tuple[int, int]:
    """Return the session and the number. Raises `InvalidSignature`."""
    try:
        session_id, _, number = unsign("refresh tokens", token).partition(b".")
        return int(session_id), int(number)
    except (BadSignature, ValueError) as error:
        raise InvalidSignature from error


def _issuer() -> str:
    return get_settings().public_url or AUDIENCE


def _decode(token: str) -> jwt.Token:
    """Decode a token signed with the current key or the previous one. Raises
    `JoseError`.
    """
    *later, last = _keys()
    for key in later:
        with suppress(BadSignatureError):
            return jwt.decode(token, key, algorithms=[ALGORITHM])
    return jwt.decode(token, last, algorithms=[ALGORITHM])


def _keys() -> list[OctKey]:
    return [_imported(key) for key in derive_keys("access tokens")]


@lru_cache
def _imported(key: bytes) -> OctKey:
    return OctKey.import_key(key)


class _AccessClaims(jwt.JWTClaimsRegistry):
    """Claims of an access token, with a future `iat` ignored.

    The host that issued the token may have a clock ahead of this host's. RFC 7519
    (4.1.6) defines the claim for telling a token's age, and has no rule that refuses a
    token by it. The claim with that rule is `nbf`.
    """

    def validate_iat(self, value: object) -> None:
        if not (isinstance(value, int | float) and self.now < value < math.inf):
            super().validate_iat(value)


def _claims(at: int) -> jwt.JWTClaimsRegistry:
    return _AccessClaims(
        now=at,
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": _issuer()},
        aud={"essential": True, "value": AUDIENCE},
        sub={"essential": True},
        sid={"essential": True},
        iat={"essential": True},
        exp={"essential": True},
    )


def _id_claims(expected: Expected) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=int(expected.at.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "values": expected.issuers},
        aud={"essential": True, "value": expected.client_id},
        # The party that the token was issued to: optional, but must not be another.
        azp={"value": expected.client_id},
        sub={"essential": True},
        nonce={"essential": True, "value": expected.nonce},
        iat={"essential": True},
        exp={"essential": True},
    )
