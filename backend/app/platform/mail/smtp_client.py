"""SMTP client. No other module of the platform connects to a mail server."""

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from threading import Lock, Timer
from typing import Any, ClassVar, Self

from app.core.config import Settings

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0  # per response
TOTAL_SECONDS = 30.0  # maximum per email, however slowly the server responds
CLOSING = 421  # the server is closing the connection (RFC 5321, 3.8)
PERMANENT = 500
UNKNOWN_MAILBOX = 553
# In RFC 2034, the enhanced code comes before the text. In the replies of qmail and
# similar servers, the code comes after the text: `553 sorry, … (#5.7.1)`.
ENHANCED = re.compile(r"(?:^|\(#)5\.(\d{1,3})\.(\d{1,3})\b")
ADDRESSING, CONTENT = "1", "6"  # subjects of enhanced codes (RFC 3463, 3)
# Details of the subject ADDRESSING: the syntax or the domain of the sender is bad.
SENDER = {"7", "8"}
OTHER = "0"  # a detail of ADDRESSING that may also concern the sender


class SendingFailed(Exception):
    """The server did not accept the email.

    `permanent` means that the server will never accept this email, even if an operator
    changes a setting.
    """

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


class Unreachable(SendingFailed):
    """No connection could be made.

    `is_crowded` means that this process already has an open connection. Perhaps the
    server refuses further connections.
    """

    is_crowded = False


class _LineBroke(Exception):
    """The connection broke before the server received this email.

    This module catches the error.
    """


class Line:
    """A connection to the mail server, which one thread uses for several emails.

    The connection is made for the first email.
    """

    _open: ClassVar[set["Line"]] = set()
    _lock = Lock()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._smtp: _Bounded | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, message: bytes, *, to: str, sender: str) -> None:
        """Send an email, and return once the server has accepted it.

        Raises `SendingFailed` if the server did not accept the email, or if we cannot
        know whether it did.

        A server may close a connection after some time or some number of emails. If it
        did so before receiving this email, the email is sent immediately over a new
        connection.
        """
        if self._smtp:
            with contextlib.suppress(_LineBroke):
                self._smtp.bound(TOTAL_SECONDS)
                self._deliver(self._smtp, message, to, sender)
                return
        try:
            self._deliver(self._connected(sender), message, to, sender)
        except _LineBroke as broke:
            raise SendingFailed(str(broke)) from broke

    def _connected(self, sender: str) -> "_Bounded":
        try:
            self._smtp = _connect(self._settings, helo=sender.rpartition("@")[2])
        except Unreachable as failure:
            failure.is_crowded = bool(self._open)
            raise
        with self._lock:
            self._open.add(self)
        return self._smtp

    def _deliver(self, smtp: "_Bounded", message: bytes, to: str, sender: str) -> None:
        try:
            smtp.sendmail(sender, [to], message)
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[to]
            if code == CLOSING:
                raise self._broken(smtp, error) from error
            raise _refusal(code, answer, bare=UNKNOWN_MAILBOX) from error
        except smtplib.SMTPDataError as error:
            if error.smtp_code == CLOSING:
                self.close()
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            # A 5xx response to any other command means that our host name, username or
            # password is wrong.
            raise self._broken(smtp, error) from error
        except BaseException:
            self.close()
            raise

    def _broken(self, smtp: "_Bounded", error: Exception) -> Exception:
        server_may_have_it = smtp.has_begun_data  # closing the connection resets this flag
        self.close()
        reason = _said(error)
        if isinstance(error, smtplib.SMTPSenderRefused):
            reason = f"MAIL_FROM: {reason}"
        return SendingFailed(reason) if server_may_have_it else _LineBroke(reason)

    def close(self) -> None:
        smtp, self._smtp = self._smtp, None
        with self._lock:
            self._open.discard(self)
        if smtp is None:
            return
        smtp.bound(CONNECT_SECONDS)
        # The reply to QUIT does not matter, because the server has already accepted or
        # refused each email.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def check_server(settings: Settings) -> None:
    """Connect to the mail server and sign in, without sending an email.

    Raises `Unreachable`, whose text begins with the settings to check.
    """
    smtp = _connect(settings, helo=(settings.mail_from or "").rpartition("@")[2].rstrip(">"))
    with contextlib.suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    smtp.close()


def _refusal(code: int, answer: bytes | str, *, bare: int | None = None) -> SendingFailed:
    """Turn a refusal by the server into `SendingFailed`.

    A refusal is permanent only if its enhanced code (RFC 3463) says that the
    recipient's address or the email itself is the reason. Other reasons, such as a
    policy, a full mailbox or a wrong route, can be fixed. Until then, the email waits.

    Without an enhanced code, only the status `bare` is permanent. For recipients,
    `bare` is 553, which means an invalid mailbox name. A 550 is not permanent, because
    servers also send it when they refuse to relay (RFC 5321, 3.6.2).
    """
    said = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    final = code == bare
    if enhanced := ENHANCED.search(said):
        subject, detail = enhanced.groups()
        if subject == ADDRESSING and detail in SENDER:
            return SendingFailed(f"MAIL_FROM: {code} {said}")
        final = subject == CONTENT or (subject == ADDRESSING and detail != OTHER)
    return SendingFailed(f"{code} {said}", permanent=final and code >= PERMANENT)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _naming(settings: str) -> Iterator[None]:
    """Turn every failure into `Unreachable`, naming the settings to check.

    Python raises `ValueError` if it cannot encode a host name or a password. So a
    `ValueError` is not a fault of the email.
    """
    try:
        yield
    except (smtplib.SMTPException, OSError, ValueError) as error:
        if isinstance(error, ssl.SSLCertVerificationError):
            settings = "SMTP_HOST has a certificate that is not trusted"
        elif isinstance(error, ssl.SSLError):
            settings = "SMTP_TLS, SMTP_PORT"
        raise Unreachable(f"{settings}: {_said(error)}") from error


def _connect(settings: Settings, helo: str) -> "_Bounded":
    """Open a connection, encrypted and authenticated according to the settings.

    The certificate is verified against the system's CAs. Raises `Unreachable`.
    """
    host, port = settings.smtp_host or "", settings.smtp_port
    with _naming("SMTP_HOST, SMTP_PORT"):
        if settings.smtp_tls == "ssl":
            context = ssl.create_default_context()
            smtp: _Bounded = _BoundedSsl(host, port, helo, timeout=ANSWER_SECONDS, context=context)
        else:
            smtp = _Bounded(host, port, helo, timeout=ANSWER_SECONDS)
    try:
        with _naming("SMTP_TLS"):
            if settings.smtp_tls == "starttls":
                # This raises an error if the server does not offer TLS.
                smtp.starttls(context=ssl.create_default_context())
        with _naming("SMTP_USERNAME, SMTP_PASSWORD"):
            if settings.smtp_username and settings.smtp_password:
                smtp.login(
                    _Utf8(settings.smtp_username), _Utf8(settings.smtp_password.get_secret_value())
                )
        with _naming("SMTP_HOST"):
            # This is the last command that concerns the connection rather than an
            # email.
            smtp.ehlo_or_helo_if_needed()
    except BaseException:
        smtp.close()
        raise
    return smtp


class _Utf8(str):
    """A text that smtplib encodes as UTF-8, as servers expect (RFC 4616, 2).

    smtplib would encode a plain string as ASCII, and fail for other characters.
    """

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 - smtplib passes it
        return super().encode("utf-8", errors)


class _Bounded(smtplib.SMTP):
    """An SMTP connection that is closed at a deadline.

    The socket timeout is not enough, because a server could send one byte every nine
    seconds.
    """

    _deadline: Timer | None = None
    has_begun_data = False  # whether the server may already have the current email

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected: socket.socket = super()._get_socket(host, port, CONNECT_SECONDS)  # type: ignore[misc]
        connected.settimeout(timeout)
        self.bound(TOTAL_SECONDS)
        return connected

    def bound(self, seconds: float) -> None:
        """Start a deadline of this many seconds, for the next email or for QUIT."""
        if self._deadline:
            self._deadline.cancel()
        self.has_begun_data = False
        self._deadline = Timer(seconds, self._cut)
        self._deadline.daemon = True
        self._deadline.start()

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.has_begun_data = True
        return super().data(msg)

    def auth_plain(self, challenge: Any = None) -> str:
        return _Utf8(super().auth_plain(challenge))

    def auth_cram_md5(self, challenge: Any = None) -> Any:
        answer = super().auth_cram_md5(challenge)
        return None if answer is None else _Utf8(answer)

    def _cut(self) -> None:
        if self.sock:
            with contextlib.suppress(OSError):
                # This also works with TLS, but the server gets no TLS closing message.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        super().close()


class _BoundedSsl(_Bounded, smtplib.SMTP_SSL):
    """A connection that is encrypted from the first byte."""
