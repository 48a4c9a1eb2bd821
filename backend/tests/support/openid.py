"""Two OpenID providers for tests: a certified one (npm `oidc-provider`), and an
impostor.
"""

import contextlib
import hmac
import json
import ssl
import subprocess
import threading
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support import patient
from tests.support.npm import install
from tests.support.services import program

FOLDER = Path(__file__).parent / "oidc"
CLIENT = {"GOOGLE_CLIENT_ID": "liftoff-tests", "GOOGLE_CLIENT_SECRET": "a client secret of tests"}


class OpenIdProvider:
    """The certified provider, which runs as a separate process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def put(self, name: str, **claims: object) -> None:
        """Let `name` sign in from now on. The name is also the subject."""
        patient.put(f"{self.url}/accounts/{name}", json=claims).raise_for_status()

    def expect(self, redirect_uri: str) -> None:
        """From now on, redirect users only to this address of the application."""
        patient.put(f"{self.url}/redirect-uri", json={"uri": redirect_uri}).raise_for_status()

    def sign_in(self, url: str, name: str, until: str) -> str:
        """Sign in as a browser does, and follow redirects until an address begins with
        `until`.
        """
        with patient.Client() as browser:
            for _ in range(10):
                if url.startswith(until):
                    return url
                form = (
                    {"prompt": "login", "login": name, "password": "any"}
                    if "/interaction/" in url
                    else None
                )
                answer = browser.post(url, data=form) if form else browser.get(url)
                assert answer.is_redirect, answer.text
                url = str(httpx2.URL(url).join(answer.headers["Location"]))
        raise AssertionError(url)


@contextlib.contextmanager
def running_provider() -> Iterator[OpenIdProvider]:
    node = program("node")
    install(FOLDER)
    with subprocess.Popen(
        [node, "server.mjs"], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout
            yield OpenIdProvider(
                f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
            )
        finally:
            process.terminate()


@lru_cache
def key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


class Impostor:
    """A provider whose every response a test can falsify.

    It has no sign-in page, so a test makes up the callback. `asked` counts requests by
    path. `form` is the last form that the token endpoint received. `answers` maps a
    path to a function that responds instead.
    """

    def __init__(self) -> None:
        self.keys = [key("first")]
        self.claims: dict[str, Any] = {}
        self.id_token: Callable[[dict[str, Any]], str] = self.sign
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: Counter[str] = Counter()
        self.form: dict[str, str] = {}
        self._lock = threading.Lock()
        impostor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                impostor._answer(self)

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked[request.path] += 1
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if request.path in self.answers:
            with contextlib.suppress(OSError):
                self.answers[request.path](request)
        elif request.path == "/.well-known/openid-configuration":
            ends = {f"{end}_endpoint": f"{self.url}/{end}" for end in ("authorization", "token")}
            reply(request, {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **ends})
        elif request.path == "/keys":
            reply(request, {"keys": [one.as_dict(private=False) for one in self.keys]})
        elif request.path == "/token":
            with self._lock:
                self.form = dict(parse_qsl(body.decode()))
                id_token = self.id_token(self.claims)
            token = {"access_token": "any", "token_type": "Bearer", "id_token": id_token}
            reply(request, {name: value for name, value in token.items() if value})
        else:
            reply(request, {}, 404)

    def vouch(self, subject: str, email: str, nonce: str, /, **claims: object) -> None:
        """Prepare valid claims for the next sign-in, and change those that `claims`
        names.

        `None` removes a claim.
        """
        at = int(time.time())
        good = {
            "iss": self.url,
            "aud": CLIENT["GOOGLE_CLIENT_ID"],
            "sub": subject,
            "nonce": nonce,
            "iat": at,
        }
        good |= {"exp": at + 300, "email": email, "email_verified": True}
        self.claims = {name: value for name, value in (good | claims).items() if value is not None}

    def by_challenge(self, nonces: dict[str, str], subject: str, email: str) -> None:
        """Vouch for the same person in many simultaneous sign-ins.

        The code verifier in a token request shows which nonce belongs in the ID token.
        """

        def sign(_: dict[str, Any]) -> str:
            challenge = _base64(sha256(self.form["code_verifier"].encode()).digest())
            return self.sign(self.claims | {"nonce": nonces[challenge]})

        self.vouch(subject, email, "of the challenge")
        self.id_token = sign

    def sign(self, claims: dict[str, Any], **header: object) -> str:
        return jwt.encode(
            {"alg": "RS256", "kid": "first", **header}, claims, self.keys[0], algorithms=["RS256"]
        )


def reply(
    request: BaseHTTPRequestHandler, document: object, status: int = 200, **headers: str
) -> None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    request.send_response(status)
    for name, value in {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


@contextlib.contextmanager
def running_impostor(certificate: Path | None = None) -> Iterator[Impostor]:
    """Run an impostor. The impostor uses TLS if `certificate` names a file with a
    certificate and its key.
    """
    impostor = Impostor()
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
        impostor.server.socket = tls.wrap_socket(impostor.server.socket, server_side=True)
        impostor.url = impostor.url.replace("http:", "https:")
    thread = threading.Thread(
        target=impostor.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    yield impostor
    impostor.server.shutdown()
    impostor.server.server_close()


def unsigned(claims: dict[str, Any], alg: str) -> str:
    """Return a token without a signature. Its header names the algorithm `alg`."""
    parts = ({"alg": alg, "kid": "first"}, claims)
    return ".".join([*(_base64(json.dumps(part).encode()) for part in parts), ""])


def signed_with_secret(claims: dict[str, Any], secret: bytes) -> str:
    """Return a token with a symmetric signature."""
    message = unsigned(claims, "HS256").rstrip(".")
    return f"{message}.{_base64(hmac.digest(secret, message.encode(), 'sha256'))}"


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
