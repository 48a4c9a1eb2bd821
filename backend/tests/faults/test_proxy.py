"""The shipped proxy, a real nginx, runs in front of a real server.

It forwards valid requests, and withstands 500 slow sockets.
"""

import json
import time

import httpx2
import pytest

from tests.faults.proxied import HOST, tls_to
from tests.support import patient
from tests.support.proxy import running_proxy
from tests.support.server import running_server
from tests.support.smtp import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.only("postgresql")]


@pytest.fixture
def browser(proxy):
    with httpx2.Client(base_url=proxy.url, verify=proxy.trust, timeout=30) as browser:
        yield browser


def access(server, path):
    """Wait for the application's first access record of a path, and return all of
    them.
    """
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
        if found := [
            line for line in lines if line.get("event") == "request" and line["path"] == path
        ]:
            return found
        time.sleep(0.02)
    raise AssertionError(f"no record of {path}")


def test_forged_forwarding_headers_do_not_reach_the_application(server, browser):
    forged = dict.fromkeys(
        ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"), "203.0.113.9"
    )
    browser.get(
        "/forged",
        headers=forged | {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"},
    )
    assert [one["client"] for one in access(server, "/forged")] == ["127.0.0.1"]
    forms = [
        browser.post("/auth/register", json={}, headers={"X-Forwarded-For": f"203.0.113.{n}"})
        for n in range(31)
    ]
    assert [answer.status_code for answer in forms] == [422] * 30 + [429]


def test_another_client_is_known_by_its_own_address(server, proxy):
    with tls_to(proxy, "127.0.0.2") as peer:
        peer.sendall(b"GET /other HTTP/1.1\r\n" + HOST + b"\r\n")
        assert peer.recv(4096).startswith(b"HTTP/1.1 404")
    assert [one["client"] for one in access(server, "/other")] == ["127.0.0.2"]


def test_plain_http_is_led_to_https(proxy):
    answer = patient.get(
        f"http://127.0.0.1:{proxy.http}/blog/posts?limit=1", headers={"Host": "localhost"}
    )
    assert (answer.status_code, answer.headers["location"]) == (
        308,
        "https://localhost/blog/posts?limit=1",
    )


def test_a_new_certificate_can_be_proved_over_plain_http(proxy):
    token = proxy.folder / "acme" / ".well-known" / "acme-challenge" / "token"
    token.parent.mkdir(parents=True)
    token.write_text("proof")
    answer = patient.get(f"http://127.0.0.1:{proxy.http}/.well-known/acme-challenge/token")
    assert (answer.status_code, answer.text) == (200, "proof")


def test_a_conditional_request_is_answered_304(browser):
    first = browser.get("/blog/posts", headers={"Accept-Encoding": "gzip, br"})
    assert first.headers["etag"].startswith('"')
    assert (
        browser.get("/blog/posts", headers={"If-None-Match": first.headers["etag"]}).status_code
        == 304
    )


ONCE = [
    "strict-transport-security",
    "x-request-id",
    "content-security-policy",
    "cache-control",
    "etag",
    "date",
]


@pytest.mark.parametrize("header", ONCE)
def test_a_header_of_the_application_comes_once(browser, header):
    assert len(browser.get("/blog/posts").headers.get_list(header)) == 1


def test_a_request_id_is_one_for_client_proxy_and_application(server, proxy, browser):
    answer = browser.get("/traced?token=hunter2", headers={"X-Request-ID": "trace-me-please"})
    assert answer.headers["x-request-id"] == "trace-me-please"
    assert [one["request_id"] for one in access(server, "/traced")] == ["trace-me-please"]
    wait_until(lambda: '"path":"/traced","status":"404","upstream":"404"' in proxy.log)
    assert "hunter2" not in proxy.log


@pytest.mark.parametrize(
    ("request_of", "status", "code"),
    [
        (lambda b: b.get("/metrics"), 404, "not_found"),
        (lambda b: b.get("/health/ready"), 404, "not_found"),
        (lambda b: b.post("/auth/verify-email", content=b"x" * 1_200_000), 413, "body_too_large"),
        (lambda b: b.get("/", headers={"X-Large": "x" * 70_000}), 431, "headers_too_large"),
        (lambda b: b.get("/", headers={"Host": "a b"}), 400, "bad_request"),
    ],
)
def test_what_the_proxy_refuses_has_the_form_of_all_errors(browser, request_of, status, code):
    answer = request_of(browser)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, "about:blank")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"].endswith(".")


def test_a_body_up_to_the_limit_reaches_the_application(browser):
    body = b"{}".ljust(1_000_000)
    answer = browser.post(
        "/auth/register", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (413, 422, 429)  # the limits of that route refuse the request
    assert answer.headers["content-security-policy"]


def test_liveness_is_passed_and_a_server_that_is_away_is_503(migrated, tmp_path):
    with (
        running_server(TRUSTED_PROXIES="127.0.0.1") as server,
        running_proxy(server, folder=tmp_path) as proxy,
    ):
        url = f"{proxy.url}/health/live"
        assert patient.get(url, verify=proxy.trust).status_code == 200
        server.process.terminate()
        server.process.wait(30)
        answer = patient.get(url, verify=proxy.trust)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "unavailable",
        "5",
    )
