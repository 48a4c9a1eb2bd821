"""Passwords and tokens: creating and checking them."""

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
from app.core.keys import BadSignature, derive_keys, sign_payload, unsign_payload
from app.core.types import MAX_ID, utc_now

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
LEEWAY_SECONDS = 60
MAX_TOKEN = 2_000  # characters; our tokens have about 370
ALGORITHM = "HS256"
AUDIENCE = "liftoff"
# HMAC algorithms are excluded, because an attacker could use the provider's public key
# as the secret.
ID_TOKEN_ALGORITHMS = ["RS256", "ES256"]
MAX_ID_TOKEN = 20_000  # characters
MAX_SUBJECT = 255  # ASCII characters (OpenID Connect Core 2)
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068: a token of another type is refused
ACTING_TYPE = "impersonation+jwt"  # staff act as a user; the version before refuses this type

# Parameters of argon2id. With the 19 MiB from the settings, these are OWASP's first
# recommendation. A hash takes 20 ms on one core.
PASSES, LANES = 2, 1


class SignInBusy(Unavailable):
    """Too many requests wait to hash a password. Other routes are not affected."""

    code = "sign_in_busy"
    detail = "Many people are signing in. Try again in a moment."


hashing = Admission(os.cpu_count() or 1, timeout=10, refusal=SignInBusy)


async def hashing_slot() -> AsyncIterator[None]:
    """Allow at most one password hash per CPU core at a time.

    Further requests wait without holding a thread or a database connection.
    """
    async with hashing.slot():
        yield


def password_hasher() -> CryptContext:
    """Return the hasher, with the memory cost from the settings.

    A stored hash with another cost is replaced at the user's next sign-in.
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
    return str(password_hasher().hash(password))


def verify_password(password: str, hashed: str | None) -> tuple[bool, str | None]:
    """Return whether the password is correct, and a new hash or `None`.

    A new hash is returned if the stored hash has outdated parameters. If `hashed` is
    `None`, the check takes the same time and fails.
    """
    if hashed is None:
        password_hasher().verify(password, _nobodys_hash(password_hasher()))
        return False, None
    fits, replacement = password_hasher().verify_and_update(password, hashed)
    return bool(fits), replacement


@lru_cache
def _nobodys_hash(hasher: CryptContext) -> str:
    """Return a hash to compare against when there is no account.

    The comparison takes as long as with a newly stored hash. After the cost setting
    changes, a user's old hash takes a different time until their next sign-in. Until
    then, the response time reveals that the account exists.
    """
    return str(hasher.hash(secrets.token_urlsafe()))


@dataclass(frozen=True)
class Access:
    """The content of an access token."""

    user_id: int
    session_id: int
    is_impersonation: bool = False


class InvalidSignature(ValueError):
    """The token was not issued by us, or is no longer valid."""


class UnknownKey(InvalidSignature):
    """The ID token names a key that is not among the provider's known keys."""


def issue_access_token(access: Access, life: timedelta = ACCESS_TOKEN_LIFE) -> str:
    """Sign a token that names its session and is valid for `life`."""
    issued = int(utc_now().timestamp())
    claims = {
        "iss": _issuer(),
        "aud": AUDIENCE,
        "sub": str(access.user_id),
        "sid": access.session_id,
        "iat": issued,
        "exp": issued + int(life.total_seconds()),
        "jti": secrets.token_urlsafe(9),  # RFC 9068: no two tokens are the same
    }
    return jwt.encode(
        {"alg": ALGORITHM, "typ": ACTING_TYPE if access.is_impersonation else TOKEN_TYPE},
        claims,
        _imported(derive_keys("access tokens")[0]),
        algorithms=[ALGORITHM],
    )


def read_access_token(token: str, *, even_expired: bool = False) -> Access:
    """Return the content of an access token.

    Raises `InvalidSignature` if its form, signature, type, issuer, audience or time is
    wrong.
    """
    if len(token) > MAX_TOKEN or not token.isascii():
        raise InvalidSignature
    try:
        decoded = _decoded(token, tuple(derive_keys("access tokens")))
        _claims(0 if even_expired else int(utc_now().timestamp())).validate(decoded.claims)
        is_impersonation = decoded.header.get("typ") == ACTING_TYPE
        access = Access(int(decoded.claims["sub"]), int(decoded.claims["sid"]), is_impersonation)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidSignature from error
    if decoded.header.get("typ") not in {TOKEN_TYPE, ACTING_TYPE} or not (
        0 < access.user_id <= MAX_ID and 0 < access.session_id <= MAX_ID
    ):
        raise InvalidSignature
    return access


def seconds_left(token: str) -> float:
    """Return the seconds until an accepted access token expires.

    The leeway for clock differences is not included, so the result may be negative.
    """
    claims = _decoded(token, tuple(derive_keys("access tokens"))).claims
    return float(claims["exp"]) - utc_now().timestamp()


@dataclass(frozen=True)
class Expected:
    """The contents that an ID token must have. Its times are compared with `at`."""

    issuers: list[str]
    client_id: str
    nonce: str
    at: datetime


def read_id_token(token: str, keys: dict[str, Any], expected: Expected) -> dict[str, Any]:
    """Return the claims of a provider's ID token (OpenID Connect Core 3.1.3.7).

    The token must have been issued to us alone, and for this sign-in. Raises
    `UnknownKey`, `InvalidSignature`.
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
    # A token with several audiences may be meant for parties that we do not know. A
    # token of another type is not an ID token (RFC 8725, 3.11).
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
    """Return a session's refresh token, identified by its number.

    The token is derived from its arguments, so it is the same each time.
    """
    return sign_payload("refresh tokens", f"{session_id}.{number}".encode())


def read_refresh_token(token: str) -> tuple[int, int]:
    """Return the session id and the number of a refresh token. Raises
    `InvalidSignature`.
    """
    try:
        session_id, _, number = unsign_payload("refresh tokens", token).partition(b".")
        return int(session_id), int(number)
    except (BadSignature, ValueError) as error:
        raise InvalidSignature from error


def _issuer() -> str:
    return get_settings().public_url or AUDIENCE


# Cached, because a client sends the same token again and again, and its signature stays
# valid. The caller checks the token's times on every request. A token with a wrong
# signature is not cached.
@lru_cache(maxsize=1_000)
def _decoded(token: str, keys: tuple[bytes, ...]) -> jwt.Token:
    """Decode a token signed with one of these keys. Raises `JoseError`."""
    *later, last = (_imported(key) for key in keys)
    for key in later:
        with suppress(BadSignatureError):
            return jwt.decode(token, key, algorithms=[ALGORITHM])
    return jwt.decode(token, last, algorithms=[ALGORITHM])


@lru_cache
def _imported(key: bytes) -> OctKey:
    return OctKey.import_key(key)


class _AccessClaims(jwt.JWTClaimsRegistry):
    """An access token's claims. An `iat` in the future is accepted.

    The clock of the host that issued the token may be ahead of this host's clock. RFC
    7519 (4.1.6) defines `iat` as a way to tell a token's age, not as a reason to refuse
    the token. That is what `nbf` is for.
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
        # `azp` is the party to which the token was issued. The claim is optional, but
        # must not name another party.
        azp={"value": expected.client_id},
        sub={"essential": True},
        nonce={"essential": True, "value": expected.nonce},
        iat={"essential": True},
        exp={"essential": True},
    )
