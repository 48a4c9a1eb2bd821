"""Browsers of the configured origins may read answers, errors too; others get no CORS header (requirement 58)."""

import pytest

ALLOWED = "https://app.example.com"
FOREIGN = [
    "https://evil.example",
    "null",
    "http://app.example.com",
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "https://evilapp.example.com",
    "https://app.example.com:8443",
    "https://app.example.com/",
    "https://APP.example.com",
    "https://user@app.example.com",
    "*",
    "",
]
REQUESTS = {
    "200": ("GET", "/widgets", None),
    "404": ("GET", "/nope", None),
    "405": ("DELETE", "/widgets", None),
    "422": ("POST", "/widgets", {"weight": "heavy"}),
    "500": ("POST", "/widgets/then-fail", {"name": "n"}),
}


def cors_headers(answer):
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS.values(), ids=REQUESTS)
def test_an_allowed_origin_may_read_every_answer(widgets, db, method, path, body):
    answer = widgets.request(method, path, json=body, headers={"Origin": ALLOWED})
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]
    for name in ("ETag", "Location", "Retry-After", "X-Request-ID", "Idempotency-Replayed", "RateLimit-Remaining"):
        assert name in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_gets_no_cors_header(widgets, db, origin):
    for method, path, body in REQUESTS.values():
        answer = widgets.request(method, path, json=body, headers={"Origin": origin})
        assert not cors_headers(answer)
        assert "Origin" in answer.headers["vary"]


def test_without_an_origin_there_is_none_but_caches_are_told(widgets, db):
    answer = widgets.get("/widgets")
    assert not cors_headers(answer)
    assert answer.headers["vary"] == "Authorization, Origin"


def preflight(widgets, origin, method="PUT", headers="authorization,content-type,if-match,idempotency-key"):
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return widgets.options("/widgets", headers=asked)


def test_an_allowed_origin_may_send_what_the_contract_asks_for(widgets):
    answer = preflight(widgets, ALLOWED)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert method in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize("origin", [origin for origin in FOREIGN if origin])
def test_the_preflight_of_a_foreign_origin_is_a_problem_without_cors_headers(widgets, origin):
    answer = preflight(widgets, origin)
    assert (answer.status_code, answer.json()["code"]) == (400, "cors_refused")
    assert not cors_headers(answer)


@pytest.mark.parametrize(("method", "headers"), [("TRACE", "authorization"), ("GET", "x-evil")])
def test_a_preflight_for_what_is_not_allowed_is_refused(widgets, method, headers):
    assert preflight(widgets, ALLOWED, method, headers).status_code == 400
