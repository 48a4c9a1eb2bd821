"""A scripted Stripe, for behaviour that the real Stripe does not show on request."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Script:
    """The next responses of the scripted Stripe. Each one is a pair of status and body,
    or a function that gets the handler.

    When only one response is left, all further requests get this response.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.ended = threading.Event()

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextlib.contextmanager
def scripted_server() -> Iterator[tuple[Script, str]]:
    """Run a scripted Stripe, and yield its script and its URL. When the block ends,
    calls that are held continue.
    """
    script = Script()
    ended = script.ended

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            script.requests.append((self.command, self.path, dict(self.headers), body))
            answer = script.next()
            if callable(answer):
                answer(self, ended)
            else:
                status, content = answer
                self.send(status, json.dumps(content).encode())

        def do_GET(self):
            self.do_POST()

        def send(self, status, raw):
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield script, f"http://127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def hang(handler: Any, ended: threading.Event) -> None:
    """Hold a call, and then end it without a response."""
    ended.wait(30)
    handler.close_connection = True
