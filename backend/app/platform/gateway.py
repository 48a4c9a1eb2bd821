"""Speaks SMTP. No other module of the platform talks to a mail server."""

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
ANSWER_SECONDS = 10.0  # for each response
TOTAL_SECONDS = 30.0  # for a whole email, however slowly the server responds
CLOSING = 421  # the server closes this connection, or shuts down: RFC 5321, 3.8
PERMANENT = 500
UNKNOWN_MAILBOX = 553
# RFC 2034 puts the enhanced code before the text. qmail and similar servers put it at
# the end: `553 sorry, … (#5.7.1)`.
ENHANCED = re.compile(r"(?:^|\(#)5\.(\d{1,3})\.(\d{1,3})\b")
ADDRESSING, CONTENT = "1", "6"  # subjects of RFC 3463, 3
SENDER = {"7", "8"}  # details of the subject of addresses: bad syntax and bad domain of the sender
OTHER = "0"  # a detail of the subject of addresses, which may be about the sender too


class SendingFailed(Exception):
    """The server did not accept the email.

    `permanent` means that it will never accept this email, whatever an operator
    changes.
    """

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


class Unreachable(SendingFailed):
    """No connection could be made.

    `is_crowded` means that this process has another connection open, so the server may
    not allow more.
    """

    is_crowded = False


class _LineBroke(Exception):
    """The connection is no longer usable, and the server has not received this email.

    This exception never leaves the module.
    """


class Line:
    """A connection to the mail server, kept from one email to the next by one thread.

    It is opened for the first email.
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
        """Return when the server has accepted the email. Raises `SendingFailed` if it
        has not, or if that is unknown.

        A server may close a connection after some time, or after some number of emails.
        If it does so before it has received this email, the email is sent over a new
        connection at once.
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
            # A 5xx for anything but recipient and content is about our own server, name
            # or password.
            raise self._broken(smtp, error) from error
        except BaseException:
            self.close()
            raise

    def _broken(self, smtp: "_Bounded", error: Exception) -> Exception:
        server_may_have_it = smtp.has_begun_data  # read before closing, which resets it
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
        # Whatever the server replies to QUIT, it already has the emails or it does not.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def _refusal(code: int, answer: bytes | str, *, bare: int | None = None) -> SendingFailed:
    """Turn a refusal by the server into `SendingFailed`.

    A refusal is only permanent if the recipient's address or the email itself causes
    it, according to the enhanced code (RFC 3463). A denied relay, a policy, a full
    mailbox or a broken route will be fixed, and until then the email waits.

    Without an enhanced code only `bare` is permanent. For a recipient that is 553, a
    name that no mailbox can have. It is not 550, because servers also refuse to relay
    with 550 (RFC 5321, 3.6.2).
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

    A `ValueError` is not a fault of the email. Python raises it for a host name or a
    password that it cannot encode.
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
    """Return a connection that is encrypted and authenticated as the settings say.

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
            # This is the last step at which a server refuses the connection rather than
            # an email.
            smtp.ehlo_or_helo_if_needed()
    except BaseException:
        smtp.close()
        raise
    return smtp


class _Utf8(str):
    """A text that smtplib encodes as servers expect it (RFC 4616, 2).

    smtplib would encode it as ASCII, and fail.
    """

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 - smtplib's wish
        return super().encode("utf-8", errors)


class _Bounded(smtplib.SMTP):
    """Cuts the connection at a deadline.

    A server that sends one letter every nine seconds would never cause a timeout.
    """

    _deadline: Timer | None = None
    has_begun_data = False  # of the current email: from then on the server may have it

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected: socket.socket = super()._get_socket(host, port, CONNECT_SECONDS)  # type: ignore[misc]
        connected.settimeout(timeout)
        self.bound(TOTAL_SECONDS)
        return connected

    def bound(self, seconds: float) -> None:
        """Start the deadline of the next email, or of the goodbye, in so many
        seconds.
        """
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
                # This also works under TLS, without its closing message.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        super().close()


class _BoundedSsl(_Bounded, smtplib.SMTP_SSL):
    """The same connection, encrypted from the first byte."""
