"""A webhook endpoint for tests. It stores the requests, and responds as the test tells
it.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe


class Receiver:
    """An endpoint. `statuses` are the statuses of the next responses. Later responses
    are 200.

    While the event `answers` is cleared, senders have to wait for a response.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.secret = ""
        self.statuses: list[int] = []
        self.requests: list[tuple[bytes, str]] = []
        self.answers = threading.Event()
        self.answers.set()

    @property
    def events(self) -> list[stripe.Event]:
        """Return the events in the order of their arrival, with verified signatures."""
        return [
            stripe.Webhook.construct_event(body, header, self.secret)
            for body, header in self.requests
        ]

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def until(self, count: int) -> None:
        """Wait until this many events have arrived."""
        deadline = time.monotonic() + 20
        while len(self.requests) < count:
            assert time.monotonic() < deadline, self.types()
            time.sleep(0.01)


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append((body, self.headers["Stripe-Signature"]))
            receiver.answers.wait(10)
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Location", receiver.url)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that is overridden
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/webhook")
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        try:
            yield receiver
        finally:
            server.shutdown()
