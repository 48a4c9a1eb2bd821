"""Speaks OpenID Connect with Google, or with whom `GOOGLE_ISSUER` names: the only place of auth that calls outside.

An operation ends within `TOTAL_SECONDS`, however slowly the other side talks, and reads `MAX_BYTES` at most. It waits
on a stranger, so no transaction may be open meanwhile.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from ssl import SSLContext
from threading import Lock
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

from app.core import strict_json
from app.core.config import get_settings
from app.core.errors import Unavailable
from app.core.logging import get_logger

from .security import InvalidSignature, UnknownKey, read_id_token

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
MAX_BYTES = 256_000  # of all answers of one operation; Google's have about 8,000
KEPT_SECONDS = 3600.0  # Google shows a new key days before it signs with it
FRESH_SECONDS = 60.0  # a document that is younger is not asked for again, whatever key a token names
PAUSE_SECONDS = 5.0  # after a failure, so that those who waited for it do not each wait as long themselves
MAX_CODE = 2_000  # characters
SCOPE = "openid email"
# What the libraries raise over an answer that makes no sense.
ODD = (InvalidSignature, httpx2.InvalidURL, LookupError, TypeError, ValueError, RecursionError)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

log = get_logger(__name__)


class GoogleUnavailable(Unavailable):
    """No answer, none in time, or one that says it is their fault."""

    code = "google_unavailable"
    detail = "Google does not answer. Try again in a moment."


class GoogleFailed(Unavailable):
    """An answer that is not what it must be. Nothing of it is believed."""

    code = "google_failed"
    detail = "Google's answer could not be used. Start again."


@dataclass(frozen=True)
class Configuration:
    """What the provider says of itself (OpenID Connect Discovery 1.0, 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True)
class Person:
    """Whom the provider vouches for. `email_verified` is true only where it says so as a boolean, not as a text."""

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


def identify(*, code: str, nonce: str, verifier: str) -> Person:
    """Who came back with this code. Raises `GoogleUnavailable`, `GoogleFailed`."""
    with _asking() as client:
        if not 0 < len(code) <= MAX_CODE:
            raise GoogleFailed
        endpoint = _configuration(client).token_endpoint
        token = client.fetch_token(endpoint, grant_type="authorization_code", code=code, code_verifier=verifier)
        claims = _claims(client, str(token.get("id_token")), nonce)
        verified = claims.get("email_verified") is True
        return Person(claims["iss"], claims["sub"], str(claims.get("email")), verified)


def _claims(client: "OAuth2Client", id_token: str, nonce: str) -> dict[str, Any]:
    settings, keys = get_settings(), documents().keys
    expected = {"issuer": settings.google_issuer, "client_id": settings.google_client_id or "", "nonce": nonce}
    try:
        return read_id_token(id_token, keys.get(client), **expected)
    except UnknownKey:  # perhaps one that is newer than what we keep
        return read_id_token(id_token, keys.get(client, anew=True), **expected)


class Kept:
    """A document of the provider, which serves on while it cannot be renewed. One thread asks, the others wait."""

    def __init__(self, fetch: Callable[["OAuth2Client"], dict[str, Any]]) -> None:
        self._fetch = fetch
        self._lock = Lock()
        self._document: dict[str, Any] | None = None
        self._fetched_at = self._failed_at = -KEPT_SECONDS

    def get(self, client: "OAuth2Client", *, anew: bool = False) -> dict[str, Any]:
        """Not older than an hour, with `anew` than a minute, if it can be had. Raises what asking raises."""
        with self._lock:
            age = time.monotonic() - self._fetched_at
            if self._document is None or age > (FRESH_SECONDS if anew else KEPT_SECONDS):
                self._renew(client)
            if self._document is None:
                raise GoogleUnavailable
            return self._document

    def _renew(self, client: "OAuth2Client") -> None:
        if time.monotonic() - self._failed_at < PAUSE_SECONDS:
            return
        try:
            self._document = self._fetch(client)
            self._fetched_at = time.monotonic()
        except Exception:
            self._failed_at = time.monotonic()
            if self._document is None:
                raise
            log.warning("google_document_stale", exc_info=True)


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
    if document["issuer"] != issuer:
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
        with _client() as client:
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
        transport=_Transport(),
        follow_redirects=False,
        timeout=TOTAL_SECONDS,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_refuse_compressed]},
    )


def _refuse_compressed(response: httpx2.Response) -> None:
    """What is read is counted as it arrives; a compressed answer could grow a thousandfold after that."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.RemoteProtocolError("The answer is compressed, which was not asked for")


class _Transport(httpx2.HTTPTransport):
    """Time-outs of the library are for each read: who sends a byte now and then could hold us for ever."""

    def __init__(self) -> None:
        super().__init__(verify=_tls())
        self._pool = httpcore2.ConnectionPool(ssl_context=_tls(), network_backend=_Network())


@lru_cache
def _tls() -> SSLContext:
    return httpx2.create_ssl_context()


class _Network(httpcore2.NetworkBackend):
    """The network with a budget of time and bytes, for all connections of one operation."""

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + TOTAL_SECONDS
        self._bytes_left = MAX_BYTES

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - ours is shorter
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = min(CONNECT_SECONDS, self.seconds_left())
        return _Stream(httpcore2.SyncBackend().connect_tcp(host, port, seconds, local_address, socket_options), self)

    def seconds_left(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout(f"No whole answer within {TOTAL_SECONDS} s")
        return left

    def count(self, data: bytes) -> bytes:
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise httpcore2.RemoteProtocolError(f"An answer over {MAX_BYTES} bytes")
        return data


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, network: _Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - ours is shorter
        return self._network.count(self._stream.read(max_bytes, self._network.seconds_left()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - ours is shorter
        self._stream.write(buffer, self._network.seconds_left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(
            ssl_context, server_hostname, min(CONNECT_SECONDS, self._network.seconds_left())
        )
        return _Stream(stream, self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
