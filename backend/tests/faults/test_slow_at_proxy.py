"""The shipped proxy withstands 500 slow sockets."""

import selectors
import socket
import ssl
import statistics
import threading
import time

import pytest

from tests.faults.figures import record
from tests.faults.proxied import HOST, tls_to

pytestmark = [pytest.mark.faults, pytest.mark.only("postgresql")]

SLOW = {
    "no handshake": None,
    "silent": b"",
    "slow head": b"GET / HTTP/1.1\r\n" + HOST + b"X: ",
    "slow body": b"POST /auth/verify-email HTTP/1.1\r\n"
    + HOST
    + b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
}

PROMISED = 30
MARGIN = 8  # a factor for a busy machine


class Slow:
    """Many sockets that send a byte every five seconds, or nothing.

    The object records when each socket is closed.
    """

    def __init__(self, proxy, count):
        self.peers, self.closed, self.began = {}, {}, time.monotonic()
        self.selector = selectors.DefaultSelector()
        for number in range(count):
            kind, sent = list(SLOW.items())[number % len(SLOW)]
            peer = (
                tls_to(proxy)
                if sent is not None
                else socket.create_connection(("127.0.0.1", proxy.https))
            )
            if sent:
                peer.sendall(sent)
            peer.settimeout(0)
            self.peers[peer] = kind
            self.selector.register(peer, selectors.EVENT_READ, time.monotonic())
        self.opened = time.monotonic() - self.began

    def watch(self, seconds):
        """Send bytes until all sockets are closed or the time is over."""
        dripped, end = time.monotonic(), time.monotonic() + seconds
        while time.monotonic() < end and len(self.closed) < len(self.peers):
            for key, _ in self.selector.select(0.2):
                self._read(key.fileobj, key.data)
            if time.monotonic() > dripped + 5:
                dripped = time.monotonic()
                for peer in self.peers.keys() - self.closed.keys():
                    self._send(peer)

    def _read(self, peer, opened):
        try:
            if peer.recv(65_536):
                return  # the error is the reason for closing the socket
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        except OSError:
            pass
        self.closed[peer] = time.monotonic() - opened
        self.selector.unregister(peer)

    def _send(self, peer):
        try:
            if SLOW[self.peers[peer]]:
                peer.sendall(b" ")
        except OSError:
            pass  # the socket was closed a moment ago

    def close(self):
        for peer in self.peers:
            peer.close()
        self.selector.close()


class Others(threading.Thread):
    """Another client, which sends ten requests a second."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.proxy, self.seconds, self.stop, self.failed = proxy, [], threading.Event(), []

    def run(self):
        while not self.stop.wait(0.1):
            began = time.monotonic()
            try:
                with tls_to(self.proxy, "127.0.0.2") as peer:
                    peer.sendall(
                        b"GET /blog/posts HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
                    )
                    if not peer.recv(65_536).startswith(b"HTTP/1.1 200"):
                        self.failed.append("no 200")
            except OSError as error:
                self.failed.append(repr(error))
            self.seconds.append(time.monotonic() - began)

    def p99(self):
        self.stop.set()
        self.join(60)
        assert self.failed == []
        return statistics.quantiles(self.seconds, n=100)[-1]


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(60, 4), pytest.param(500, PROMISED + 30, marks=pytest.mark.slow)],
    ids=["short", "500"],
)
def test_slow_sockets_at_the_proxy_slow_nobody_else(proxy, count, seconds):
    quiet = Others(proxy)
    quiet.start()
    time.sleep(2)
    idle = quiet.p99()
    others = Others(proxy)
    others.start()
    slow = Slow(proxy, count)
    slow.watch(seconds)
    busy = others.p99()
    slow.close()
    record(
        "R18",
        f"{count} slow sockets at the proxy: p99 of others under 1 s",
        f"{busy * 1000:.0f} ms (idle {idle * 1000:.0f} ms)",
    )
    assert busy < max(1.0, 10 * idle)
    if seconds > PROMISED:
        left = [kind for peer, kind in slow.peers.items() if peer not in slow.closed]
        assert left == []
        record(
            "R18",
            "each of them is closed within 30 s",
            f"the last after {max(slow.closed.values()):.0f} s",
        )
        assert max(slow.closed.values()) < PROMISED + MARGIN
