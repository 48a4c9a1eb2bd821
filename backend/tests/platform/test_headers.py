"""The headers of every response, and the request id that links a response to the
logs.
"""

import re

import pytest
from fastapi.testclient import TestClient

from app.core.config import get_settings
from app.main import create_app
from tests.auth.factories import make_user
from tests.platform.test_problems import KINDS

KINDS = {"an answer": ("GET", "/widgets", {}, 200, None), **KINDS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_answer_tells_a_browser_to_be_careful(widgets, db, kind):
    method, path, options, *_ = kind
    headers = widgets.request(method, path, **options).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "strict-transport-security" not in headers
    assert "server" not in headers
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])


@pytest.mark.parametrize("environment", ["production", "staging"])
@pytest.mark.parametrize("path", ["/health/live", "/nope"])
def test_https_is_asked_for_in_a_deployment_only(environment, path):
    deployed = create_app(get_settings().model_copy(update={"environment": environment}))
    answer = TestClient(deployed).get(path)
    assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


@pytest.mark.parametrize(
    "given", ["12345678", "a" * 128, "0af7651916cd43dd8448eb211c80319c", "trace-1.2_3"]
)
def test_a_request_id_that_is_one_is_kept(widgets, db, given):
    answer = widgets.get("/nope", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given",
    ["", "1234567", "a" * 129, "a b c d e f", "12345678\t", "<script>1", "é" * 8, "12345678,9"],
)
def test_any_other_is_replaced(widgets, db, given):
    answer = widgets.get("/nope", headers={"X-Request-ID": given.encode("latin-1")})
    assert answer.headers.get_list("x-request-id") == [answer.json()["request_id"]]
    assert re.fullmatch(r"[0-9a-f]{32}", answer.json()["request_id"])


def test_what_one_user_sees_is_never_kept(client, widgets, db, login):
    created = widgets.post("/widgets", json={"name": "spring"})
    for path in ("/widgets", created.headers["location"]):
        public = widgets.get(path).headers
        assert (public["cache-control"], public["vary"]) == ("no-cache", "Authorization, Origin")
    login(make_user())
    for path in ("/auth/me", "/auth/sessions"):
        seen = client.get(path)
        assert (seen.status_code, seen.headers["cache-control"]) == (200, "no-store")
        again = client.get(path, headers={"If-None-Match": seen.headers["etag"]})
        assert (again.status_code, again.headers["cache-control"]) == (304, "no-store")
    changed = client.patch("/auth/me", json={"username": "grace.hopper"})
    assert (changed.status_code, changed.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/auth/me", "/docs", "/nothing-here"]
)
def test_head_is_get_without_its_body(client, db, login, path):
    login(make_user())
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    same = ("content-type", "content-length", "etag", "cache-control", "content-security-policy")
    if got.is_success:
        assert [head.headers.get(name) for name in same] == [got.headers.get(name) for name in same]
