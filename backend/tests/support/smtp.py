"""A real mail server on a real socket: it writes down what it gets, and misbehaves when it is told to."""

import asyncio
import contextlib
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.server import free_port


class Recorder:
    """What one mail server does. `taken` holds what it answered 250 to, `received` all that it got."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: list[EmailMessage] = []
        self.received: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.rcpt_answer = self.data_answer = self.quit_answer = ""
        self.hold_data = threading.Event()  # set: DATA goes on. Hanging servers clear it.
        self.hold_data.set()
        self.held = 0  # how many wait for it
        self.drop_after_data = False
        self.encrypted: list[bool] = []

    async def handle_RCPT(self, server: SMTP, _s: Session, envelope: Envelope, address: str, _o: list[str]) -> str:  # noqa: N802 - aiosmtpd's
        self.encrypted.append(server._tls_protocol is not None)  # noqa: SLF001 - has no public reader
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.received.append(mail)
        self.held += 1
        try:  # who hangs up meanwhile has this cancelled
            while not self.hold_data.is_set():  # noqa: ASYNC110 - another thread's event
                await asyncio.sleep(0.02)
        finally:
            self.held -= 1
        if self.drop_after_data:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "250 never arrives"
        if self.data_answer:
            return self.data_answer
        self.taken.append(mail)
        self.recipients += envelope.rcpt_tos
        return "250 taken"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        return self.quit_answer or "221 Bye"

    def times_taken(self) -> Counter[str]:
        """How often each Message-ID was taken."""
        return Counter(str(mail["Message-ID"]) for mail in self.taken)


@contextlib.contextmanager
def mail_server(**options: Any) -> Iterator[tuple[Recorder, int]]:
    """Until the block ends; its recorder and its port. Options are aiosmtpd's."""
    port = free_port()
    recorder = Recorder(port)
    controller = Controller(recorder, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield recorder, port
    finally:
        recorder.hold_data.set()
        controller.stop()


def wait_until(condition: Any, seconds: float = 10) -> None:
    """Fails when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
