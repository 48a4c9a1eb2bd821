"""Speaks SMTP. The only place of the platform that talks to a mail server."""

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
ANSWER_SECONDS = 10.0  # for each answer
TOTAL_SECONDS = 30.0  # for a whole mail, however slowly the other side talks
CLOSING = 421  # of this connection, or of the server: RFC 5321, 3.8
PERMANENT = 500
UNKNOWN_MAILBOX = 553
# RFC 2034 puts it before the text; qmail and its kin put it behind: `553 sorry, … (#5.7.1)`.
ENHANCED = re.compile(r"(?:^|\(#)5\.(\d{1,3})\.(\d{1,3})\b")
ADDRESSING, CONTENT = "1", "6"  # subjects of RFC 3463, 3
SENDER = {"7", "8"}  # of the subject of addresses: bad syntax, bad domain
OTHER = "0"  # of the subject of addresses: it may be about ours as well


class SendingFailed(Exception):
    """The server did not take the mail. `permanent`: it will not take this one later, whatever an operator mends."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


class Unreachable(SendingFailed):
    """No connection could be made. `is_crowded`: another one of this process is open, so the server allows no more."""

    is_crowded = False


class _LineBroke(Exception):
    """Never leaves this module: a connection is of no use any more, and the server has nothing of this mail."""


class Line:
    """A connection to the mail server that is kept from mail to mail, for one thread. It is made for the first mail."""

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
        """Return when the server has taken the mail. Raises `SendingFailed` when it has not, or when nobody knows.

        A server may end a connection that it has kept for long, or after so many mails. If it does so before it has
        been given this mail, the mail goes out over a new connection at once.
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
            # A 5xx to anything but recipient and content is about us, our name or password.
            raise self._broken(smtp, error) from error
        except BaseException:
            self.close()
            raise

    def _broken(self, smtp: "_Bounded", error: Exception) -> Exception:
        server_may_have_it = smtp.has_begun_data  # asked before closing, which begins anew
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
        # Whatever it answers to QUIT, it has the mails or it has not.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def _refusal(code: int, answer: bytes | str, *, bare: int | None = None) -> SendingFailed:
    """Final is only what the recipient's address or the mail itself is the cause of, by the enhanced code (RFC 3463).

    A relay that is denied, a policy, a full mailbox, a route that is broken: those get mended, and until then the mail
    waits. Without an enhanced code only `bare` is final. For a recipient that is 553, a name that no mailbox can have,
    and not 550: so RFC 5321 (3.6.2) has servers refuse to relay, too.
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
    """Turn whatever goes wrong into `Unreachable`, which names the settings that an operator should look at.

    A `ValueError` is no fault of a mail: Python raises it for a host name or a password that it cannot encode.
    """
    try:
        yield
    except (smtplib.SMTPException, OSError, ValueError) as error:
        if isinstance(error, ssl.SSLCertVerificationError):
            settings = "SMTP_HOST has a certificate that is not accepted"
        elif isinstance(error, ssl.SSLError):
            settings = "SMTP_TLS, SMTP_PORT"
        raise Unreachable(f"{settings}: {_said(error)}") from error


def _connect(settings: Settings, helo: str) -> "_Bounded":
    """A connection that is encrypted and signed in as the settings want it, and verified against the system's CAs.

    Raises `Unreachable`.
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
                smtp.starttls(context=ssl.create_default_context())  # raises where the server offers none
        with _naming("SMTP_USERNAME, SMTP_PASSWORD"):
            if settings.smtp_username and settings.smtp_password:
                smtp.login(_Utf8(settings.smtp_username), _Utf8(settings.smtp_password.get_secret_value()))
        with _naming("SMTP_HOST"):
            smtp.ehlo_or_helo_if_needed()  # the last place where a server refuses a connection, and not a mail
    except BaseException:
        smtp.close()
        raise
    return smtp


class _Utf8(str):
    """A text that smtplib encodes as servers read it (RFC 4616, 2). It asks for ASCII, and would fail."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 - smtplib's wish
        return super().encode("utf-8", errors)


class _Bounded(smtplib.SMTP):
    """Cuts the line at a deadline: a server that sends one letter every nine seconds never meets a time-out."""

    _deadline: Timer | None = None
    has_begun_data = False  # in the mail at hand: from then on the server may have it

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected: socket.socket = super()._get_socket(host, port, CONNECT_SECONDS)  # type: ignore[misc]
        connected.settimeout(timeout)
        self.bound(TOTAL_SECONDS)
        return connected

    def bound(self, seconds: float) -> None:
        """Begin another mail, or the end: for so long the line may be used from now on."""
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
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # also under TLS, without its farewell

    def close(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        super().close()


class _BoundedSsl(_Bounded, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""
