"""The SMTP gateway encrypts connections, verifies the server, and never waits for
long.
"""

import base64
import hmac
import socket
import subprocess
import threading
import time
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from app.core.config import get_settings
from app.db.database import SessionLocal
from app.platform import mail
from app.platform.mail import outbox, smtp_client
from app.platform.models import Mail
from tests.support.services import program
from tests.support.smtp import Recorder, mail_server, tls_context

pytestmark = pytest.mark.only("sqlite")  # the result is the same on every database


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for `localhost`.

    With SSL_CERT_FILE, the application trusts this certificate.
    """
    folder = tmp_path_factory.mktemp("tls")
    files = str(folder / "certificate.pem"), str(folder / "key.pem")
    key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        files[1],
    ]
    name = [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-days",
        "2",
        "-out",
        files[0],
    ]
    subprocess.run(
        [program("openssl"), "req", "-x509", *key, *name], check=True, capture_output=True
    )
    return files


def sent_mail():
    with SessionLocal() as db, db.begin():
        mail.queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
    outbox.send_due()
    with SessionLocal() as db:
        return db.query(Mail).one()


def test_a_server_without_starttls_gets_nothing(committed, smtp, settings):
    settings(SMTP_TLS="starttls")
    unsent = sent_mail()
    assert smtp.received == []
    assert (unsent.sent_at, unsent.dead_at) == (None, None)
    assert unsent.last_error.startswith("SMTP_TLS: ")
    assert "STARTTLS" in unsent.last_error


def test_a_certificate_that_nobody_vouches_for_gets_nothing(committed, settings, certificate):
    with mail_server(tls_context=tls_context(*certificate)) as (recorder, port):
        settings(SMTP_HOST="localhost", SMTP_PORT=str(port))
        said = sent_mail().last_error
        assert said.startswith("SMTP_HOST has a certificate that is not trusted: ")
        assert "CERTIFICATE_VERIFY_FAILED" in said
        assert recorder.received == []


def test_a_certificate_for_another_name_gets_nothing(committed, settings, certificate):
    with mail_server(tls_context=tls_context(*certificate)) as (recorder, port):
        settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(port), SSL_CERT_FILE=certificate[0])
        assert "IP address mismatch" in sent_mail().last_error
        assert recorder.received == []


def test_starttls_and_sign_in(committed, settings, certificate):
    seen = []

    def authenticate(_server, _session, _envelope, _mechanism, given):
        assert isinstance(given, LoginPassword)
        seen.append((given.login, given.password))
        return AuthResult(success=given.password == b"a password of nobody")

    options = {
        "tls_context": tls_context(*certificate),
        "authenticator": authenticate,
        "auth_required": True,
    }
    with mail_server(**options) as (recorder, port):
        settings(SMTP_HOST="localhost", SMTP_PORT=str(port), SSL_CERT_FILE=certificate[0])
        settings(SMTP_USERNAME="liftoff", SMTP_PASSWORD="a password of nobody")
        assert sent_mail().sent_at
        assert seen == [(b"liftoff", b"a password of nobody")]
        assert recorder.encrypted == [True]


def test_a_wrong_smtp_password_does_not_count_against_the_email(committed, settings, certificate):
    refuse = lambda *_: AuthResult(success=False, handled=False)  # noqa: E731
    with mail_server(
        tls_context=tls_context(*certificate), authenticator=refuse, auth_required=True
    ) as (_, port):
        settings(SMTP_HOST="localhost", SMTP_PORT=str(port), SSL_CERT_FILE=certificate[0])
        settings(SMTP_USERNAME="liftoff", SMTP_PASSWORD="a wrong password")
        unsent = sent_mail()
        assert (unsent.sent_at, unsent.dead_at) == (None, None)
        assert unsent.last_error.startswith("SMTP_USERNAME, SMTP_PASSWORD: ")
        assert "535" in unsent.last_error
        assert "a wrong password" not in unsent.last_error
        assert base64.b64encode(b"a wrong password").decode() not in unsent.last_error


USERNAME, PASSWORD = "jürgen", "Schlüssel 日本 \N{KEY}"


class CramMd5(Recorder):
    """A server that supports CRAM-MD5, which aiosmtpd lacks (RFC 2195)."""

    async def auth_CRAM__MD5(self, server, _arguments):  # noqa: N802 - aiosmtpd's
        challenge = b"<1896.697170952@example.com>"
        given = await server.challenge_auth(challenge)
        right = hmac.new(PASSWORD.encode(), challenge, "md5").hexdigest()
        return AuthResult(success=given.decode() == f"{USERNAME} {right}")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_password_beyond_ascii_signs_in(committed, settings, certificate, mechanism):
    """RFC 4616, 2 requires UTF-8, but Python's smtplib supports only ASCII."""
    right = LoginPassword(USERNAME.encode(), PASSWORD.encode())
    options: dict[str, Any] = {"tls_context": tls_context(*certificate), "auth_required": True}
    options["authenticator"] = lambda *given: AuthResult(success=given[4] == right)
    options["auth_exclude_mechanism"] = {"PLAIN", "LOGIN", "CRAM-MD5"} - {mechanism}
    with mail_server(CramMd5, **options) as (recorder, port):
        settings(SMTP_HOST="localhost", SMTP_PORT=str(port), SSL_CERT_FILE=certificate[0])
        settings(SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD)
        sent = sent_mail()
        assert sent.last_error is None
        assert sent.sent_at
        assert len(recorder.taken) == 1


def test_tls_from_the_first_byte(committed, settings, certificate):
    with mail_server(ssl_context=tls_context(*certificate)) as (recorder, port):
        settings(
            SMTP_HOST="localhost", SMTP_PORT=str(port), SMTP_TLS="ssl", SSL_CERT_FILE=certificate[0]
        )
        assert sent_mail().sent_at
        assert len(recorder.taken) == 1


def test_tls_where_the_server_speaks_none_is_about_the_settings(committed, smtp, settings):
    settings(SMTP_TLS="ssl")
    unsent = sent_mail()
    assert (unsent.sent_at, unsent.dead_at) == (None, None)
    assert unsent.last_error.startswith("SMTP_TLS, SMTP_PORT: ")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"smtp_host": "a..example.com"}, "SMTP_HOST, SMTP_PORT: "),
        ({"smtp_host": ".example.com", "smtp_tls": "ssl"}, "SMTP_HOST, SMTP_PORT: "),
        ({"smtp_host": "smtp.exam\0ple.com"}, "SMTP_HOST, SMTP_PORT: "),
    ],
)
def test_a_host_name_that_cannot_be_encoded_is_retried(committed, smtp, monkeypatch, wrong, named):
    """Python raises a `ValueError` for each of these names.

    The application refuses them when it starts, too (`test_mail_settings.py`).
    """
    unsettled = get_settings().model_copy(update=wrong)
    monkeypatch.setattr(outbox, "get_settings", lambda: unsettled)
    unsent = sent_mail()
    assert (unsent.sent_at, unsent.dead_at) == (None, None)
    assert unsent.last_error.startswith(named)


def test_a_challenge_that_is_no_base64_is_the_servers_fault(committed, settings, line):
    """Python raises `binascii.Error`, which is a `ValueError`, too."""

    def talk(connection):
        for answer in ("220 hello", "250-hello\r\n250 AUTH LOGIN", "334 ?", "221 bye"):
            connection.sendall(f"{answer}\r\n".encode())
            connection.recv(1000)

    settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(line(talk)), SMTP_TLS="none")
    settings(SMTP_USERNAME="liftoff", SMTP_PASSWORD="a password of nobody")
    unsent = sent_mail()
    assert (unsent.sent_at, unsent.dead_at) == (None, None)
    assert unsent.last_error.startswith("SMTP_USERNAME, SMTP_PASSWORD: ")


@pytest.fixture
def line():
    """`line(talk)` listens on a port, and passes the accepted connection to `talk`.

    The call returns the port.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    opened = []

    def serve(talk):
        def accept():
            connection, _ = listener.accept()
            opened.append(connection)
            talk(connection)

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    yield serve
    listener.close()
    for connection in opened:
        connection.close()


def test_a_server_that_hangs_is_given_up_in_time(committed, settings, line, monkeypatch):
    monkeypatch.setattr(smtp_client, "ANSWER_SECONDS", 0.2)
    settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(line(lambda _: None)), SMTP_TLS="none")
    began = time.perf_counter()
    assert "timed out" in sent_mail().last_error
    assert time.perf_counter() - began < 9


def test_a_server_that_drips_is_cut_off_in_time(committed, settings, line, monkeypatch):
    def drip(connection):
        connection.sendall(b"220")
        try:
            while True:
                time.sleep(0.05)
                connection.sendall(b"-")
        except OSError:
            return

    monkeypatch.setattr(smtp_client, "TOTAL_SECONDS", 0.5)
    settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(line(drip)), SMTP_TLS="none")
    began = time.perf_counter()
    unsent = sent_mail()
    assert unsent.sent_at is None
    assert unsent.last_error
    assert time.perf_counter() - began < 9
