"""Requests that never reach a route: their queries, cookies or headers are endless, or
they name two hosts.
"""

import time

import pytest
from fastapi.testclient import TestClient
from starlette.responses import Response

from app.platform.envelope.bounds import (
    MAX_COOKIES,
    MAX_PARAMETERS,
    MAX_TARGET,
    lingering,
    without_backslashes,
)
from app.platform.envelope.request_head import RequestHead


def problem(answer):
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("path", ["/widgets", "/health/live", "/nope"])
def test_a_query_has_a_bounded_number_of_parameters(client, db, path):
    plain = TestClient(client.app)  # does not check that OpenAPI lists the 422 of health
    allowed = "&".join(["limit=1"] * MAX_PARAMETERS)
    assert plain.get(f"{path}?{allowed}").status_code in (200, 404)
    assert problem(plain.get(f"{path}?{allowed}&limit=1")) == (422, "validation_error")


def test_an_address_has_a_bounded_length(widgets, db):
    assert problem(widgets.get(f"/widgets?x={'a' * (MAX_TARGET - 20)}")) == (
        422,
        "validation_error",
    )
    for long in (f"/widgets?x={'a' * MAX_TARGET}", f"/{'a' * MAX_TARGET}", "/" + "%41" * 6_000):
        assert problem(widgets.get(long)) == (431, "headers_too_large")


def test_many_small_headers_are_as_much_as_a_few_large_ones(widgets, db):
    assert (
        widgets.get("/widgets", headers=[(f"X-{n}", "a") for n in range(1_000)]).status_code == 200
    )
    assert problem(widgets.get("/widgets", headers=[(f"X-{n}", "a") for n in range(2_000)])) == (
        431,
        "headers_too_large",
    )


def test_cookies_have_a_bounded_length(widgets, db):
    assert widgets.get("/widgets", headers={"Cookie": "a" * MAX_COOKIES}).status_code == 200
    assert problem(widgets.get("/widgets", headers={"Cookie": "a" * (MAX_COOKIES + 1)})) == (
        431,
        "headers_too_large",
    )


@pytest.mark.parametrize("path", ["/auth/me", "/health/live", "/openapi.json"])
def test_quoted_cookies_take_no_time(client, db, path):
    """Python 3.11.7 needs quadratic time to unescape quoted cookies: 0.7 s for 16 kB
    (CVE-2024-7592).
    """
    began = time.process_time()
    answer = client.get(path, headers={"Cookie": 'other="' + "\\" * (MAX_COOKIES - 10) + '"'})
    assert answer.status_code in (200, 401)
    assert time.process_time() - began < 0.3


def test_other_cookies_and_headers_stay_as_they_are():
    headers = [(b"cookie", b"a=b; c=d"), (b"x-path", b"a\\b"), (b"cookie", b'e="\\"f"')]
    assert without_backslashes(headers) == [*headers[:2], (b"cookie", b'e=""f"')]


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Talk:
    """A client that sends a body in pieces, and the responses that it gets."""

    def __init__(self, pieces):
        self.pieces, self.sent, self.read = list(pieces), [], 0

    async def receive(self):
        body, more = self.pieces.pop(0)
        self.read += len(body)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(self, message):
        self.sent.append(message)

    async def run(self, app, *headers):
        scope = {"type": "http", "method": "POST", "headers": list(headers)}
        has_body = RequestHead.of(scope).has_body
        talk = (self.receive, self.send)
        await app(scope, *(lingering(*talk) if has_body else talk))
        assert b"".join(message.get("body", b"") for message in self.sent) == b"no"
        assert [message.get("more_body", False) for message in self.sent[1:]].count(False) == 1
        return dict(self.sent[0]["headers"])


def refusal(status):
    async def app(scope, receive, send):
        await Response("no", status)(scope, receive, send)

    return app


SIZED = (b"content-length", b"9")


@pytest.mark.anyio
async def test_after_an_early_refusal_the_rest_is_read():
    talk = Talk([(b"a" * 1_000, True)] * 20 + [(b"end", False)])
    headers = await talk.run(refusal(413), SIZED)
    assert headers[b"connection"] == b"close"
    assert (talk.pieces, talk.read) == ([], 20_003)


@pytest.mark.anyio
async def test_it_is_read_for_at_most_a_megabyte():
    talk = Talk([(b"a" * 100_000, True)] * 50)
    await talk.run(refusal(413), (b"transfer-encoding", b"chunked"))
    assert talk.read == 1_000_000


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [(), (SIZED,)])
async def test_who_is_served_or_sends_nothing_is_left_alone(headers):
    talk = Talk([(b"a", True)] * 3)
    assert b"connection" not in await talk.run(refusal(200 if headers else 404), *headers)
    assert talk.read == 0


@pytest.mark.anyio
async def test_after_a_body_that_was_read_the_connection_stays():
    async def app(scope, receive, send):
        await receive()
        await Response("no", 422)(scope, receive, send)

    talk = Talk([(b"whole", False)])
    assert b"connection" not in await talk.run(app, SIZED)


@pytest.mark.parametrize("path", ["/auth/me", "/health/live", "/nope"])
@pytest.mark.parametrize("other", ["evil.example", "testserver"])
def test_two_hosts_are_refused(client, db, path, other):
    headers = [("Host", "testserver"), ("Host", other)]
    assert problem(TestClient(client.app).get(path, headers=headers)) == (400, "bad_request")
