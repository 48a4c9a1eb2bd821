"""Speaks OpenID Connect with Google, or with whom `GOOGLE_ISSUER` names: the only place of auth that calls outside.

An operation ends within `TOTAL_SECONDS`, however slowly the other side talks, and reads `MAX_BYTES` at most. It waits
on a stranger, so no transaction may be open meanwhile.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any

import httpx2

from app.core import outbound, strict_json
from app.core.config import get_settings
from app.core.errors import Unavailable
from app.core.logging import get_logger

from .security import Expected, InvalidSignature, UnknownKey, read_id_token

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

TOTAL_SECONDS = 10.0
MAX_BYTES = 256_000  # of all answers of one operation; Google's have about 8,000
KEPT_SECONDS = 3600.0  # Google shows a new key days before it signs with it
ASKED_SECONDS = 60.0  # a document that we have is not asked for again sooner, whatever came of it, or a token names
PAUSE_SECONDS = 5.0  # one that we have not: so that those who waited for it do not each wait as long themselves
MAX_CODE = 2_000  # characters
SCOPE = "openid email"
# What the libraries raise over an answer that makes no sense.
ODD = (InvalidSignature, httpx2.InvalidURL, LookupError, TypeError, ValueError, RecursionError)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

# Google names itself by both in ID tokens (developers.google.com/identity/openid-connect/openid-connect).
OTHER_SPELLINGS = {"https://accounts.google.com": ["accounts.google.com"]}

log = get_logger(__name__)


class GoogleUnavailable(Unavailable):
    """No answer, none in time, or one that says it is their fault."""

    code = "google_unavailable"
    detail = "Google is not responding. Try again in a moment."


class GoogleFailed(Unavailable):
    """An answer that is not what it must be. Nothing of it is believed."""

    code = "google_failed"
    detail = "Google sent a response that could not be used. Start again."


@dataclass(frozen=True)
class Configuration:
    """What the provider says of itself (OpenID Connect Discovery 1.0, 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True)
class Person:
    """Whom the provider vouches for. `issuer` is its name as GOOGLE_ISSUER spells it, `email` may be empty.

    `email_verified` is true only where it says so as a boolean, not as a text.
    """

    issuer: str
    subject: str
    email: str
    email_verified: bool


def configuration() -> Configuration:
    """Asked for once an hour, and kept. Raises `GoogleUnavailable`, `GoogleFailed`."""
    with _asking() as client:
        return _configuration(client)


def authorization_url(configuration: Configuration, *, state: str, nonce: str, verifier: str) -> str:
    """Where the browser goes to sign in. Asks nobody."""
    with _client() as client:
        url, _ = client.create_authorization_url(
            configuration.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
        )
        return str(url)


def identify(*, code: str, nonce: str, verifier: str, at: datetime) -> Person:
    """Who came back with this code, `at` this time of the database. Raises `GoogleUnavailable`, `GoogleFailed`."""
    with _asking() as client:
        if not 0 < len(code) <= MAX_CODE:
            raise GoogleFailed
        endpoint = _configuration(client).token_endpoint
        token = client.fetch_token(endpoint, grant_type="authorization_code", code=code, code_verifier=verifier)
        claims = _claims(client, str(token.get("id_token")), nonce, at)
        verified = claims.get("email_verified") is True
        return Person(get_settings().google_issuer, claims["sub"], _text(claims.get("email")), verified)


def _text(claim: object) -> str:
    return claim if isinstance(claim, str) else ""


def spellings_of_issuer() -> list[str]:
    """Return the names that are GOOGLE_ISSUER: as it is set, with a slash at the end, and Google's other one."""
    issuer = get_settings().google_issuer
    return [issuer, f"{issuer}/", *OTHER_SPELLINGS.get(issuer, ())]


def _claims(client: "OAuth2Client", id_token: str, nonce: str, at: datetime) -> dict[str, Any]:
    settings, keys = get_settings(), documents().keys
    expected = Expected(spellings_of_issuer(), settings.google_client_id or "", nonce, at)
    try:
        return read_id_token(id_token, keys.get(client), expected)
    except UnknownKey:  # perhaps one that is newer than what we keep
        return read_id_token(id_token, keys.get(client, anew=True), expected)


class Kept:
    """A document of the provider, which serves on while it cannot be renewed. One thread asks, the others wait."""

    def __init__(self, fetch: Callable[["OAuth2Client"], dict[str, Any]]) -> None:
        self._fetch = fetch
        self._lock = Lock()
        self._document: dict[str, Any] | None = None
        self._fetched_at = self._asked_at = -KEPT_SECONDS

    def get(self, client: "OAuth2Client", *, anew: bool = False) -> dict[str, Any]:
        """Not older than an hour, with `anew` than a minute, if it can be had. Raises what asking raises."""
        if not self._lock.acquire(timeout=outbound.time_left()):
            raise GoogleUnavailable  # another thread asks, and takes as long as this one may
        try:
            if anew or self._document is None or time.monotonic() - self._fetched_at > KEPT_SECONDS:
                self._renew(client)
            if self._document is None:
                raise GoogleUnavailable
            return self._document
        finally:
            self._lock.release()

    def _renew(self, client: "OAuth2Client") -> None:
        if time.monotonic() - self._asked_at < (ASKED_SECONDS if self._document else PAUSE_SECONDS):
            return
        try:
            self._document = self._fetch(client)
            self._fetched_at = time.monotonic()
        except Exception:
            if self._document is None:
                raise
            log.warning("google_document_stale", exc_info=True)
        finally:
            self._asked_at = time.monotonic()


@dataclass(frozen=True)
class _Documents:
    configuration: Kept
    keys: Kept


@lru_cache
def documents() -> _Documents:
    """Kept by each process for itself."""
    return _Documents(Kept(_discover), Kept(lambda client: _ask(client, _configuration(client).jwks_uri)))


def _configuration(client: "OAuth2Client") -> Configuration:
    document = documents().configuration.get(client)
    return Configuration(*(document[endpoint] for endpoint in ENDPOINTS))


def _discover(client: "OAuth2Client") -> dict[str, Any]:
    issuer = get_settings().google_issuer
    document = _ask(client, f"{issuer}/.well-known/openid-configuration")
    if document["issuer"] not in spellings_of_issuer():
        raise GoogleFailed("The discovery document is another issuer's")
    # Plain http was allowed on purpose for a provider on this machine; no other may send us off to it.
    schemes = ("http://", "https://") if issuer.startswith("http:") else ("https://",)
    if not all(str(document[endpoint]).startswith(schemes) for endpoint in ENDPOINTS):
        raise GoogleFailed("An endpoint is not https")
    return document


def _ask(client: "OAuth2Client", url: str) -> dict[str, Any]:
    response = client.request("GET", url, withhold_token=True)
    document = strict_json.parse(response.raise_for_status().content)
    if not isinstance(document, dict):
        raise GoogleFailed("The document is no object")
    return document


@contextmanager
def _asking() -> Iterator["OAuth2Client"]:
    """A client for one operation, whose failures come out as ours."""
    from authlib.integrations.httpx_client import OAuthError

    try:
        with outbound.budget(TOTAL_SECONDS, MAX_BYTES), _client() as client:
            yield client
    except httpx2.HTTPStatusError as error:
        theirs = error.response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        log.warning("google_refused", status=error.response.status_code)
        raise (GoogleUnavailable if theirs else GoogleFailed) from error
    except httpx2.RequestError as error:
        log.warning("google_unreachable", reason=f"{type(error).__name__}: {error}")
        raise GoogleUnavailable from error
    except (OAuthError, *ODD) as error:
        log.warning("google_answer_refused", reason=f"{type(error).__name__}: {error}"[:300])
        raise GoogleFailed from error


def _client() -> "OAuth2Client":
    from authlib.integrations.httpx_client import OAuth2Client  # large, and only wanted where Google is configured

    settings = get_settings()
    secret = settings.google_client_secret
    return OAuth2Client(
        client_id=settings.google_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the standard's word
        code_challenge_method="S256",
        scope=SCOPE,
        redirect_uri=f"{settings.public_url}{settings.api_prefix}/auth/google/callback",
        **outbound.client_options(),
    )
