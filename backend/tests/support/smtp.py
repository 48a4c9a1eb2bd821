"""A real mail server on a real socket, which records emails and misbehaves on
request.
"""

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
    """The behaviour of one mail server.

    `taken` contains the emails that the server accepted with 250. `received` contains
    all emails.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: list[EmailMessage] = []
        self.received: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.senders: list[str] = []
        self.rcpt_answer = self.data_answer = self.quit_answer = ""
        self.hold_data = threading.Event()  # DATA waits while this is cleared
        self.hold_data.set()
        self.held = 0  # the number of emails that wait for `hold_data`
        self.drop_after_data = False
        self.encrypted: list[bool] = []
        self.connections = self.open = 0  # connections so far, and connections now
        self.max_open = 1000  # further connections are refused
        self.mails_per_line = 1000
        self._mails: Counter[Session] = Counter()
        self.ends_lines_by = ""  # the response to a further email; if empty, the server hangs up

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, sender: str, _o: list[str]
    ) -> str:
        self._mails[session] += 1
        if self._mails[session] > self.mails_per_line:
            if not self.ends_lines_by:
                assert isinstance(server.transport, asyncio.Transport)
                server.transport.abort()
            return self.ends_lines_by or "421 never arrives"
        envelope.mail_from = sender
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, _s: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
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
        try:  # this is cancelled if the client disconnects in the meantime
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
        self.senders.append(envelope.mail_from or "")
        return "250 taken"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        return self.quit_answer or "221 Bye"

    def times_taken(self) -> Counter[str]:
        """Return how often an email with each Message-ID was accepted."""
        return Counter(str(mail["Message-ID"]) for mail in self.taken)


class _Line(SMTP):
    """A connection that the recorder counts."""

    def __init__(self, recorder: Recorder, **options: Any) -> None:
        super().__init__(recorder, **options)
        self._recorder = recorder

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:  # STARTTLS calls this a second time
            self._recorder.connections += 1
            self._recorder.open += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._recorder.open -= 1
        super().connection_lost(error)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's
        if self._recorder.open <= self._recorder.max_open:
            await super().smtp_EHLO(hostname)
            return
        await self.push("421 4.7.0 Too many connections")
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.close()


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Line(self.handler, **self.SMTP_kwargs)


@contextlib.contextmanager
def far_away(port: int, seconds: float) -> Iterator[int]:
    """Return a port that forwards to another port, and delays the responses."""

    async def carry(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float
    ) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                await asyncio.sleep(delay)
                writer.write(data)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, there_writer, 0), carry(there_reader, writer, seconds))

    async def end(server: asyncio.Server) -> None:
        server.close()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0)  # closed transports release their sockets

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(meet, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(end(server))
        loop.close()


@contextlib.contextmanager
def mail_server(
    kind: type[Recorder] = Recorder, /, **options: Any
) -> Iterator[tuple[Recorder, int]]:
    """Run a mail server, and yield its recorder and port. `options` are for
    aiosmtpd.
    """
    port = free_port()
    recorder = kind(port)
    controller = _Controller(recorder, hostname="127.0.0.1", port=port, **options)
    controller.start()
    wait_until(
        lambda: recorder.connections and not recorder.open
    )  # aiosmtpd's controller makes this connection to see whether the server listens
    recorder.connections = 0
    try:
        yield recorder, port
    finally:
        recorder.hold_data.set()
        controller.stop()


def wait_until(condition: Any, seconds: float = 60) -> None:
    """Wait until `condition()` is true. If that takes too long, the test fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
