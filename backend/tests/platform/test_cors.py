"""Browsers at the configured origins may read responses and errors (requirement 58).

Responses to other origins have no CORS header.
"""

import pytest
from fastapi.testclient import TestClient

from tests.support.widgets import widget_app

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
    for name in (
        "ETag",
        "Location",
        "Retry-After",
        "X-Request-ID",
        "Idempotency-Replayed",
        "RateLimit-Remaining",
    ):
        assert name in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("request_of", REQUESTS)
def test_a_foreign_origin_gets_no_cors_header(widgets, db, origin, request_of):
    method, path, body = REQUESTS[request_of]
    answer = widgets.request(method, path, json=body, headers={"Origin": origin})
    assert not cors_headers(answer)
    assert "Origin" in answer.headers["vary"]


def test_without_an_origin_there_is_none_but_caches_are_told(widgets, db):
    answer = widgets.get("/widgets")
    assert not cors_headers(answer)
    assert answer.headers["vary"] == "Authorization, Origin"


def preflight(
    widgets, origin, method="PUT", headers="authorization,content-type,if-match,idempotency-key"
):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return widgets.options("/widgets", headers=asked)


def test_an_allowed_origin_may_send_what_the_contract_asks_for(widgets):
    answer = preflight(widgets, ALLOWED)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert method in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize("origin", [origin for origin in FOREIGN if origin])
def test_a_foreign_origins_preflight_gets_no_cors_headers(widgets, origin):
    answer = preflight(widgets, origin)
    assert (answer.status_code, answer.json()["code"]) == (400, "cors_refused")
    assert not cors_headers(answer)


@pytest.mark.parametrize(
    "header", ["sentry-trace", "baggage", "traceparent", "tracestate", "X-Requested-With"]
)
def test_what_common_libraries_add_may_be_sent(widgets, header):
    """Sentry, OpenTelemetry, axios and jQuery add headers.

    If the preflight refused one of these headers, no request of the page would arrive.
    """
    assert preflight(widgets, ALLOWED, headers=f"authorization, {header}").status_code == 200


def test_more_headers_are_a_setting(settings):
    settings(CORS_HEADERS="X-Client-Version, x-tenant")
    answer = preflight(
        TestClient(widget_app()),
        ALLOWED,
        headers="content-type,x-client-version,X-Tenant,sentry-trace",
    )
    assert answer.status_code == 200
    assert "X-Client-Version" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    ("origin", "method", "headers", "said"),
    [
        (ALLOWED, "TRACE", "authorization", ["method TRACE"]),
        (ALLOWED, "GET", "x-evil", ["not allowed: x-evil. Add them to CORS_HEADERS."]),
        (
            ALLOWED,
            "PUT",
            "authorization, x-one,X-Two",
            ["not allowed: x-one, X-Two. Add them to CORS_HEADERS."],
        ),
        ("http://localhost:5173", "GET", "", ["origin http://localhost:5173", "CORS_ORIGINS"]),
        ("null", "GET", "authorization", ["origin null"]),
        (
            "https://evil.example",
            "TRACE",
            "x-evil",
            ["origin https://evil.example", "method TRACE", ": x-evil."],
        ),
        (
            "https://evil.example/<script>",
            "GE T",
            "x evil,{}",
            ["origin ? ", "method ? ", ": ?, ?."],
        ),
        (ALLOWED, "GET", ",".join(f"x-{n}" for n in range(99)), ["x-9."]),
    ],
)
def test_a_refused_preflight_names_what_was_refused(widgets, origin, method, headers, said):
    answer = preflight(widgets, origin, method, headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "cors_refused")
    for part in said:
        assert part in answer.json()["detail"]
    assert bool(cors_headers(answer)) == (origin == ALLOWED)
    assert ("origin" in answer.json()["detail"]) == (origin != ALLOWED)


def test_headers_that_nobody_asked_for_are_not_named(widgets):
    """The preflight of a `DELETE` without a body asks for no headers.

    Only the origin is wrong here, so the response names only the origin.
    """
    asked = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "DELETE"}
    answer = widgets.options("/widgets", headers=asked)
    assert (
        answer.json()["detail"] == "The origin http://localhost:5173 is not listed in CORS_ORIGINS."
    )
