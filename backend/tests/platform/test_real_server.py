"""Only a real server limits endless bodies and headers, and writes the access log."""

import json
import socket
import time
from http.client import HTTPConnection

import psutil
import pytest

from tests.support import patient
from tests.support.server import running_server

pytestmark = pytest.mark.only("sqlite")  # these requests use no database
CHUNK = b"x" * 65_536
MEGABYTES_200 = 200 * 1024 * 1024 // len(CHUNK)


@pytest.fixture(scope="module")
def server(migrated):
    with running_server(LOG_FORMAT="json") as server:
        yield server


def send(server, path, headers, chunks):
    """Send a body piece by piece, and read the response even if it arrives before the
    end of the body.
    """
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=20) as peer:
        peer.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        try:
            for chunk in chunks:
                peer.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            return peer.recv(4096)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(
    "path", ["/auth/email-change", "/auth/register", "/auth/token", "/nope", "/auth/me"]
)
@pytest.mark.parametrize("sized", [True, False])
def test_a_body_of_200_megabytes_is_refused_and_never_held(server, path, sized):
    size = MEGABYTES_200 * len(CHUNK)
    form = "application/x-www-form-urlencoded" if path == "/auth/token" else "application/json"
    headers = f"Content-Type: {form}\r\nIdempotency-Key: large\r\n"
    headers += f"Content-Length: {size}\r\n" if sized else "Transfer-Encoding: chunked\r\n"
    chunks = (
        CHUNK if sized else b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK) for _ in range(MEGABYTES_200)
    )
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    answer = send(server, path, headers, chunks)
    assert process.memory_info().rss - before < 30 * 1024 * 1024
    assert answer[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 404", b"HTTP/1.1 405", b""), answer[:200]
    assert patient.get(f"{server.url}/health/live").status_code == 200


@pytest.mark.parametrize("length", [1_000_001, 200_000_000, 10**30])
def test_a_body_declared_too_large_is_refused_before_it_is_sent(server, length):
    headers = f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
    answer = send(server, "/auth/register", headers, [])
    assert answer[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 400"), answer[:200]


@pytest.mark.parametrize(("size", "expected"), [(16_000, 422), (16_001, 413)])
def test_the_largest_body_that_is_allowed_is_read(server, size, expected):
    body = json.dumps({"username": "x"}).encode().ljust(size)
    headers = {"Content-Type": "application/json"}
    answer = patient.post(f"{server.url}/auth/register", content=body, headers=headers)
    assert answer.status_code == expected, size


@pytest.mark.parametrize("place", ["one", "many", "path"])
def test_headers_over_64_kilobytes_are_431(server, place):
    headers = (
        {"X-Large": "x" * 66_000} if place == "one" else {f"X-{n}": "x" * 700 for n in range(99)}
    )
    url = f"{server.url}/auth/me" + ("?" + "x" * 64_500 if place == "path" else "")
    answer = patient.get(url, headers=headers if place != "path" else {})
    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def records(server, path, **facts):
    """Return the access log's records of this path that have these facts."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
        wanted = {"event": "request", "path": path, **facts}
        if found := [line for line in lines if wanted.items() <= line.items()]:
            return found
        time.sleep(0.01)
    raise AssertionError(f"no record of {path}")


def test_the_access_log_never_holds_a_query_string_or_a_secret(server):
    secret = "hunter2-in-the-query"
    url = f"{server.url}/auth/google/callback?code={secret}&state={secret}&x={secret}"
    patient.get(
        url,
        headers={"Authorization": f"Bearer {secret}", "Cookie": f"a={secret}", "Referer": secret},
    )
    (record,) = records(server, "/auth/google/callback")
    assert record | {"milliseconds": 0, "timestamp": "", "request_id": ""} == {
        "event": "request",
        "method": "GET",
        "path": "/auth/google/callback",
        "status": 404,
        "milliseconds": 0,
        "statements": 0,
        "database_milliseconds": 0.0,
        "client": "127.0.0.1",
        "level": "info",
        "logger": "app.access",
        "timestamp": "",
        "request_id": "",
    }
    assert secret not in server.log


def test_no_password_reaches_a_log(server):
    for body in (
        {"username": "ada", "email": "nonsense", "password": "hunter2-password"},
        {"password": "hunter2-password"},
    ):
        patient.post(f"{server.url}/auth/register", json=body)
        patient.post(f"{server.url}/auth/token", data=body)
    records(server, "/auth/token")
    assert "hunter2-password" not in server.log


def test_a_path_with_line_breaks_is_one_record(server):
    patient.get(f"{server.url}/x%0d%0a%7B%22event%22:%22forged%22%7D%1b[2J")
    assert not [line for line in server.log.splitlines() if line.startswith('{"event":"forged')]
    assert "\x1b" not in server.log


def test_forwarding_headers_of_a_loopback_peer_do_not_count(server):
    patient.get(
        f"{server.url}/forwarded",
        headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"},
    )
    assert [record["client"] for record in records(server, "/forwarded")] == ["127.0.0.1"]


def test_a_trusted_proxy_is_believed(migrated):
    with running_server(LOG_FORMAT="json", TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8") as server:
        patient.get(
            f"{server.url}/forwarded", headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.9, 10.0.0.2"}
        )
        assert [record["client"] for record in records(server, "/forwarded")] == ["203.0.113.9"]


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/blog/posts", "/openapi.json", "/docs", "/auth/me"]
)
def test_head_leaves_the_connection_open_and_nothing_in_the_log(server, path):
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    connection.connect()
    peer, seen = connection.sock, []
    for method in ("GET", "HEAD", "HEAD"):
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        seen.append((answer.status, answer.headers["content-length"]))
        assert connection.sock is peer
    connection.close()
    assert len(set(seen)) == 1
    assert "unhandled_error" not in server.log


@pytest.mark.parametrize(
    ("request_line", "headers", "body"),
    [
        (
            "POST /auth/token",
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100",
            b"user",
        ),
        ("POST /auth/register", "Content-Type: application/json\r\nContent-Length: 100", b"{"),
        (
            "POST /auth/verify-email",
            "Content-Type: application/json\r\nTransfer-Encoding: chunked",
            b"zz\r\n",
        ),
    ],
)
def test_a_client_that_disconnects_mid_body_is_not_our_error(server, request_line, headers, body):
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=20) as peer:
        peer.sendall(
            f"{request_line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n".encode() + body
        )
    assert len(records(server, request_line.partition(" ")[2], status=499)) == 1
    assert "unhandled_error" not in server.log


@pytest.mark.parametrize("path", ["/health/live", "/nope"])
def test_the_server_tells_neither_name_nor_version(server, path):
    headers = patient.get(f"{server.url}{path}").headers
    assert not {"server", "x-powered-by"} & {name.lower() for name in headers}
