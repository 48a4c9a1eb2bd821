"""Every error has the same form, links to its description, and repeats no input."""

import json
import re

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.core.config import get_settings
from app.main import create_app

JSON = {"Content-Type": "application/json"}
KINDS = {
    "no such route": ("GET", "/nope", {}, 404, "not_found"),
    "no such row": ("GET", "/widgets/1", {}, 404, "widget_not_found"),
    "another method": ("DELETE", "/widgets", {}, 405, "method_not_allowed"),
    "trace": ("TRACE", "/widgets", {}, 405, "method_not_allowed"),
    "no JSON": (
        "POST",
        "/widgets",
        {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
        415,
        None,
    ),
    "bad JSON": ("POST", "/widgets", {"content": b"{", "headers": JSON}, 422, "validation_error"),
    "bad value": ("GET", "/widgets?limit=0", {}, 422, "validation_error"),
    "bad cursor": ("GET", "/widgets?cursor=x", {}, 422, "invalid_cursor"),
    "large body": (
        "POST",
        "/widgets",
        {"content": b" " * 1_000_001, "headers": JSON},
        413,
        "body_too_large",
    ),
    "large headers": (
        "GET",
        "/widgets",
        {"headers": {"X-Large": "x" * 65_000}},
        431,
        "headers_too_large",
    ),
    "large path": ("GET", f"/{'x' * 65_000}", {}, 431, "headers_too_large"),
    "preflight": (
        "OPTIONS",
        "/widgets",
        {"headers": {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}},
        400,
        "cors_refused",
    ),
    "our fault": ("POST", "/widgets/then-fail", {"json": {"name": "n"}}, 500, "internal_error"),
    "our answer": ("POST", "/widgets/wrong-answer", {"json": {"name": "n"}}, 500, "internal_error"),
}


def check_shape(answer):
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "request_id"} <= problem.keys()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert re.fullmatch(r"[a-z_]+", problem["code"])
    assert problem["title"]
    assert problem["detail"] is None or problem["detail"].endswith(".")
    assert answer.headers["cache-control"] == "no-store"
    assert ("errors" in problem) == (answer.status_code == 422)
    return problem


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_error_has_the_one_shape(widgets, db, kind):
    method, path, options, status, code = kind
    answer = widgets.request(method, path, **options)
    assert answer.status_code == status
    assert check_shape(answer)["code"] == (code or "unsupported_media_type")


def test_an_unknown_host_is_a_problem_too():
    app = create_app(get_settings().model_copy(update={"allowed_hosts": ["api.example.com"]}))
    problem = check_shape(TestClient(app, base_url="http://evil.example").get("/auth/me"))
    assert (problem["status"], problem["code"]) == (400, "bad_request")


def test_another_method_is_told_all_that_there_are(widgets, db):
    assert widgets.delete("/widgets").headers["allow"] == "GET, POST"
    assert widgets.post("/widgets/1").headers["allow"] == "GET, PUT"
    assert "TRACE" not in widgets.request("TRACE", "/widgets").headers["allow"]


@pytest.mark.parametrize("path", ["/widgets/then-fail", "/widgets/wrong-answer"])
def test_our_own_mistakes_tell_nothing_of_the_inside(widgets, db, path):
    answer = widgets.post(path, json={"name": "hunter2"})
    assert not [
        word
        for word in ("Traceback", "RuntimeError", "flush", "/app/", "hunter2")
        if word in answer.text
    ]


def test_a_validation_error_says_where_and_why(widgets, db):
    errors = widgets.post("/widgets", json={"weight": "heavy", "colour": "red"}).json()["errors"]
    assert [(error["loc"], error["type"]) for error in errors] == [
        (["body", "name"], "missing"),
        (["body", "weight"], "int_parsing"),
        (["body", "colour"], "extra_forbidden"),
    ]


def test_a_thousand_wrong_fields_give_a_short_answer(widgets, db):
    answer = widgets.post("/widgets", json={f"field{number}": 1 for number in range(1_000)})
    assert len(answer.json()["errors"]) == 50


MARK = "hunter2✓"  # in every string below, and in no message of ours, FastAPI or pydantic
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10).map(
    lambda text: f"{MARK}{text}"
)
BODIES = st.recursive(
    TEXT | st.none() | st.just(10**30) | st.just(1e308),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT | st.just("name"), inner, min_size=1, max_size=4)
    ),
).filter(
    lambda body: (
        not (isinstance(body, dict) and body.keys() == {"name"} and isinstance(body["name"], str))
    )
)


@given(BODIES)
def test_a_422_never_echoes_a_body(posting, body):
    answer = posting(json.dumps(body).encode())
    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    assert "✓" not in answer.text
    assert "\\u2713" not in answer.text


@given(st.binary(max_size=50).map(lambda rest: b"hunter2" + rest) | st.just(b'{"name": "hunter2'))
def test_nor_bytes_that_are_no_json(posting, body):
    answer = posting(body)
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


@pytest.fixture(scope="module")
def posting(_widgets):
    """`posting(body)` sends a body that never reaches the database.

    So Hypothesis needs no clean database for each example.
    """
    return lambda body: _widgets.post("/widgets", content=body, headers=JSON)


def test_nor_queries_paths_and_headers(widgets, db):
    for answer in (
        widgets.get("/widgets?limit=hunter2"),
        widgets.get("/widgets?cursor=hunter2"),
        widgets.get("/widgets/hunter2"),
        widgets.get("/hunter2"),
        widgets.post(
            "/widgets", json={"name": "n"}, headers={"Idempotency-Key": "hunter2 is not a key"}
        ),
    ):
        assert answer.status_code in (404, 422)
        assert "hunter2" not in answer.text


def test_a_hostile_key_is_not_a_place(widgets, db):
    keys = ["<script>", "a" * 65, "naïve", "a b", "\x1b[2J", "'; DROP TABLE widgets; --", ""]
    errors = widgets.post("/widgets", json={"name": "n"} | dict.fromkeys(keys, 1)).json()["errors"]
    assert {tuple(error["loc"]) for error in errors} == {("body", "?")}
