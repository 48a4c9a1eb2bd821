"""Over a real socket, a request must name exactly one host.

An early refusal reaches a client that is still sending.
"""

import socket

import pytest

from tests.support.server import running_server

pytestmark = pytest.mark.only("sqlite")  # these requests use no database
SIZE = 900_000


@pytest.fixture(scope="module")
def server(migrated):
    with running_server() as server:
        yield server


def connect(server):
    return socket.create_connection(("127.0.0.1", port_of(server)), timeout=20)


def port_of(server):
    return int(server.url.rpartition(":")[2])


def status(server, head):
    with connect(server) as peer:
        peer.sendall(head.replace("PORT", str(port_of(server))).encode())
        return peer.recv(100)[9:12].decode()


OWN = "Host: localhost:PORT\r\n"
HEADS = {
    "one host": ("/openapi.json", OWN, "200"),
    "two hosts": ("/openapi.json", f"{OWN}Host: evil.example\r\n", "400"),
    "one host twice": ("/openapi.json", OWN * 2, "400"),
    "two hosts of health": ("/health/live", f"{OWN}Host: evil.example\r\n", "400"),
    "an absolute address": ("http://localhost:PORT/openapi.json", OWN, "200"),
    "in capitals": ("HTTP://LocalHost:PORT/openapi.json", OWN, "200"),
    "of another host": ("http://evil.example/openapi.json", OWN, "400"),
    "of another port": ("http://localhost:1/openapi.json", OWN, "400"),
    "of somebody": ("http://localhost:PORT@evil.example/openapi.json", OWN, "400"),
    "of another host, of health": ("http://evil.example/health/live", OWN, "400"),
    "of another scheme": ("ftp://evil.example/openapi.json", OWN, "400"),
    "without a path": ("http://evil.example", OWN, "400"),
    "two slashes": ("//evil.example/openapi.json", OWN, "404"),
}


@pytest.mark.parametrize(("target", "headers", "expected"), HEADS.values(), ids=HEADS)
def test_a_request_is_about_one_host(server, target, headers, expected):
    assert (
        status(server, f"GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n") == expected
    )


@pytest.mark.parametrize(
    "head",
    [
        f"GET /{'%41' * 30_000} HTTP/1.1\r\n{OWN}\r\n",
        f"GET /auth/me?{'a' * 100_000} HTTP/1.1\r\n{OWN}\r\n",
        f"GET /auth/me HTTP/1.1\r\n{OWN}" + "a:b\r\n" * 20_000 + "\r\n",
        f"GET /auth/me HTTP/1.1\r\n{'a: ' + 'b' * 70_000}\r\n{OWN}\r\n",
    ],
    ids=["path", "query", "headers", "header"],
)
def test_a_head_that_is_too_large_is_431(server, head):
    assert status(server, head) == "431"


SENDERS = {
    "too large": ("/auth/verify-email", f"Content-Length: {SIZE}\r\n", b"413"),
    "too large, in chunks": ("/auth/verify-email", "Transfer-Encoding: chunked\r\n", b"413"),
    "no route": ("/nope", f"Content-Length: {SIZE}\r\n", b"404"),
    "two hosts": (
        "/auth/verify-email",
        f"Content-Length: {SIZE}\r\nHost: evil.example\r\n",
        b"400",
    ),
}


@pytest.mark.parametrize("close", ["", "Connection: close\r\n"], ids=["kept", "closed"])
@pytest.mark.parametrize(("path", "headers", "expected"), SENDERS.values(), ids=SENDERS)
def test_an_early_refusal_reaches_a_client_that_sends_all_first(
    server, path, headers, expected, close
):
    """Most clients send the whole body before they read a response.

    If the server closed the connection immediately, the unread rest of the body would
    reset the connection, and the response would be lost.
    """
    chunk = b"x" * 9_000
    piece = chunk if "Length" in headers else b"%x\r\n%s\r\n" % (len(chunk), chunk)
    with connect(server) as peer:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
            f"application/json\r\n{headers}{close}\r\n"
        )
        peer.sendall(head.encode())
        for _ in range(SIZE // len(chunk)):
            peer.sendall(piece)
        answer = b""
        while more := peer.recv(65_536):
            answer += more
    assert answer[9:12] == expected
    assert b"connection: close" in answer.lower()
    assert answer.endswith(b"}")


def test_who_waits_for_100_is_refused_and_not_asked_to_go_on(server):
    with connect(server) as peer:
        head = (
            "POST /auth/verify-email HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
            "application/json\r\n"
        )
        peer.sendall(f"{head}Content-Length: {SIZE}\r\nExpect: 100-continue\r\n\r\n".encode())
        answer = b""
        while more := peer.recv(65_536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer
