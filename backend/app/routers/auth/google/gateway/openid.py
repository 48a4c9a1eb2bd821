"""OpenID Connect with Google, or with the provider that `GOOGLE_ISSUER` names.

No other module of auth calls an outside service. An operation ends within
`TOTAL_SECONDS`, however slowly the provider responds, and reads at most `MAX_BYTES`. No
transaction may be open during an operation, because it would stay open for as long as
the provider takes.
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
from app.core.logging import get_logger
from app.routers.auth.security import Expected, InvalidSignature, UnknownKey, read_id_token

from .provider import Configuration, GoogleFailed, GoogleUnavailable, Person, spellings_of_issuer

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

TOTAL_SECONDS = 10.0
MAX_BYTES = 256_000  # limit for all responses in one operation; Google sends about 8,000
KEPT_SECONDS = 3600.0  # seconds; Google publishes a new key days before signing with it
# Seconds between attempts to refresh a cached document, even if the last attempt failed
# or a token names an unknown key.
ASKED_SECONDS = 60.0
# Seconds to wait after failing to fetch a document that is not cached. Otherwise each
# thread that waited for the document would try, and wait, again.
PAUSE_SECONDS = 5.0
MAX_CODE = 2_000  # characters
SCOPE = "openid email"
# Errors that the libraries raise for a malformed response.
ODD = (InvalidSignature, httpx2.InvalidURL, LookupError, TypeError, ValueError, RecursionError)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

log = get_logger(__name__)


def provider_configuration() -> Configuration:
    """Return the provider's configuration, fetched at most once an hour.

    Raises `GoogleUnavailable`, `GoogleFailed`.
    """
    with _asking() as client:
        return _configuration(client)


def authorization_url(
    configuration: Configuration, *, state: str, nonce: str, verifier: str
) -> str:
    """Return the URL at which the browser signs in. No outside service is called."""
    with _client() as client:
        url, _ = client.create_authorization_url(
            configuration.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
        )
        return str(url)


def identify_person(*, code: str, nonce: str, verifier: str, at: datetime) -> Person:
    """Return the person who signed in with this code.

    `at` is the current time according to the database. Raises `GoogleUnavailable`,
    `GoogleFailed`.
    """
    with _asking() as client:
        if not 0 < len(code) <= MAX_CODE:
            raise GoogleFailed
        endpoint = _configuration(client).token_endpoint
        token = client.fetch_token(
            endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
        )
        claims = _claims(client, str(token.get("id_token")), nonce, at)
        verified = claims.get("email_verified") is True
        return Person(
            get_settings().google_issuer, claims["sub"], _text(claims.get("email")), verified
        )


def _text(claim: object) -> str:
    return claim if isinstance(claim, str) else ""


def _claims(client: "OAuth2Client", id_token: str, nonce: str, at: datetime) -> dict[str, Any]:
    settings, keys = get_settings(), provider_documents().keys
    expected = Expected(spellings_of_issuer(), settings.google_client_id or "", nonce, at)
    try:
        return read_id_token(id_token, keys.get(client), expected)
    except UnknownKey:  # The provider may have published this key since we last fetched its keys.
        return read_id_token(id_token, keys.get(client, refresh=True), expected)


class Kept:
    """A cached copy of a provider's document, used even while it cannot be renewed.

    One thread fetches the document while other threads wait.
    """

    def __init__(self, fetch: Callable[["OAuth2Client"], dict[str, Any]]) -> None:
        self._fetch = fetch
        self._lock = Lock()
        self._document: dict[str, Any] | None = None
        self._fetched_at = self._asked_at = -KEPT_SECONDS

    def get(self, client: "OAuth2Client", *, refresh: bool = False) -> dict[str, Any]:
        """Return the document: at most an hour old, or a minute old with
        `refresh=True`.

        If the document cannot be renewed, an older copy is returned. If there is no
        copy, this raises the error of the fetch.
        """
        if not self._lock.acquire(timeout=outbound.time_left()):
            # Another thread is fetching the document, and took longer than this thread
            # may wait.
            raise GoogleUnavailable
        try:
            if (
                refresh
                or self._document is None
                or time.monotonic() - self._fetched_at > KEPT_SECONDS
            ):
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
def provider_documents() -> _Documents:
    """Return the provider's documents. Each process has its own copies."""
    return _Documents(
        Kept(_discover), Kept(lambda client: _ask(client, _configuration(client).jwks_uri))
    )


def _configuration(client: "OAuth2Client") -> Configuration:
    document = provider_documents().configuration.get(client)
    return Configuration(*(document[endpoint] for endpoint in ENDPOINTS))


def _discover(client: "OAuth2Client") -> dict[str, Any]:
    issuer = get_settings().google_issuer
    document = _ask(client, f"{issuer}/.well-known/openid-configuration")
    if document["issuer"] not in spellings_of_issuer():
        raise GoogleFailed("The discovery document belongs to another issuer.")
    # An issuer with plain http is allowed for a provider on this machine. An https
    # issuer must not name plain http endpoints.
    schemes = ("http://", "https://") if issuer.startswith("http:") else ("https://",)
    if not all(str(document[endpoint]).startswith(schemes) for endpoint in ENDPOINTS):
        raise GoogleFailed("An endpoint does not use https.")
    return document


def _ask(client: "OAuth2Client", url: str) -> dict[str, Any]:
    response = client.request("GET", url, withhold_token=True)
    document = strict_json.parse_strict_json(response.raise_for_status().content)
    if not isinstance(document, dict):
        raise GoogleFailed("The document is not a JSON object.")
    return document


@contextmanager
def _asking() -> Iterator["OAuth2Client"]:
    """Yield a client for one operation, and translate failures into our errors."""
    from authlib.integrations.httpx_client import OAuthError

    try:
        with outbound.call_budget(TOTAL_SECONDS, MAX_BYTES), _client() as client:
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
    # Imported here, because this library is large and only needed for sign-in with
    # Google.
    from authlib.integrations.httpx_client import OAuth2Client

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
