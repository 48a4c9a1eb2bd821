"""The OpenAPI document and its pages are complete. In production, nobody can open them.

With API_PREFIX, their URLs get the prefix, like all other URLs.
"""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from fastapi.testclient import TestClient

from app import main
from app.core.config import ROOT, get_settings
from app.main import create_app
from tests.support.widgets import widget_app


@pytest.fixture
def document():
    return main.app.openapi()


def operations(document):
    return [
        (path, method, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


def test_operation_ids_are_names_for_functions_and_unique(document):
    ids = [described["operationId"] for _, _, described in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+_[a-z_]+", name) for name in ids)


def test_every_operation_is_grouped_and_has_a_summary(document):
    for path, method, described in operations(document):
        assert described["tags"], (method, path)
        assert described["summary"], (method, path)


def test_every_documented_error_is_a_problem_with_its_codes(document):
    for path, method, described in operations(document):
        for status, answer in described["responses"].items():
            if int(status) >= 400 and not path.startswith("/health"):
                schema = answer["content"]["application/problem+json"]["schema"]["allOf"]
                assert schema[0]["$ref"].rpartition("/")[2] in ("Problem", "ValidationProblem"), (
                    method,
                    path,
                )
                assert schema[1]["properties"]["code"]["enum"], (method, path)


def documented(document, path, method):
    return {
        code
        for answer in document["paths"][path][method]["responses"].values()
        for content in answer.get("content", {}).values()
        for part in content["schema"].get("allOf", [])[1:]
        for code in part["properties"]["code"]["enum"]
    }


def test_a_route_documents_its_own_and_its_dependencies_refusals(document):
    widgets = widget_app().openapi()
    creating = documented(widgets, "/widgets", "post")
    assert {
        "name_taken",
        "body_too_large",
        "validation_error",
        "unsupported_media_type",
    } <= creating
    assert {"idempotency_key_reused", "idempotency_in_progress", "database_busy"} <= creating
    assert {"stale", "name_taken", "widget_not_found"} <= documented(
        widgets, "/widgets/{widget_id}", "put"
    )
    assert "invalid_cursor" in documented(widgets, "/widgets", "get")
    assert "not_authenticated" in documented(document, "/auth/email-change", "post")
    assert {"invalid_credentials", "too_many_requests"} <= documented(
        document, "/auth/token", "post"
    )
    assert "unsupported_media_type" in documented(
        document, "/auth/token", "post"
    )  # this error is the response to a Content-Encoding


def test_headers_that_a_client_may_send_are_documented():
    paths = widget_app().openapi()["paths"]

    def names(path, method):
        described = paths[path][method].get("parameters", [])
        return {parameter["name"] for parameter in described if parameter["in"] == "header"}

    assert "If-None-Match" in names("/widgets", "get")
    assert "Idempotency-Key" in names("/widgets", "post")
    assert "If-Match" in names("/widgets/{widget_id}", "put")


def test_every_reference_has_something_to_refer_to(document):
    schemas = document["components"]["schemas"]
    for name in re.findall(r"'#/components/schemas/(\w+)'", str(document)):
        assert name in schemas


def test_the_document_and_its_pages_are_served(client, db):
    assert client.get("/openapi.json").json() == main.app.openapi()
    for path in ("/docs", "/redoc"):
        page = client.get(path)
        assert page.headers["content-type"].startswith("text/html")
        assert (
            "script-src 'self' ;" in page.headers["content-security-policy"]
        )  # the pages have no inline script
        assert '<html lang="en">' in page.text
        assert "unsafe-eval" not in page.headers["content-security-policy"]
        for address in re.findall(r"""(?:src|href)="([^"]+)""", page.text):
            assert address.startswith("/docs/assets/")
            assert client.get(address).status_code == 200


def test_programs_that_write_code_find_an_overview(client, db):
    page = client.get("/llms.txt")
    assert page.headers["content-type"].startswith("text/plain")
    for path in re.findall(r"\]\((/[^)]+)\)", page.text):
        assert client.get(path).status_code == 200
    for name in re.findall(r"^- `([\w/.-]+)`:", page.text, re.MULTILINE):
        assert (ROOT / name).is_file()


def test_production_closes_documents_and_metrics(migrated):
    settings = get_settings().model_copy(
        update={"environment": "production", "docs_enabled": False, "metrics_enabled": False}
    )
    client = TestClient(create_app(settings))
    for path in (
        "/docs",
        "/redoc",
        "/llms.txt",
        "/openapi.json",
        "/metrics",
        "/docs/oauth2-redirect",
        "/docs/assets/swagger-ui.css",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert client.get("/health/live").status_code == 200


def test_the_prefix_moves_everything(migrated):
    app = create_app(get_settings().model_copy(update={"api_prefix": "/api/v1"}))
    assert all(path.startswith("/api/v1/") for path in app.openapi()["paths"])
    with TestClient(app) as client:
        for path in (
            "/health/live",
            "/health/ready",
            "/openapi.json",
            "/docs",
            "/redoc",
            "/llms.txt",
            "/metrics",
        ):
            assert client.get(f"/api/v1{path}").status_code == 200, path
            assert client.get(path).status_code == 404, path
        assert [client.get(f"{prefix}/auth/me").status_code for prefix in ("/api/v1", "")] == [
            401,
            404,
        ]
        for address in re.findall(r"""(?:src|href)="([^"]+)""", client.get("/api/v1/docs").text):
            assert client.get(address).status_code == 200
    flow = app.openapi()["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"][
        "password"
    ]
    assert flow["tokenUrl"].removeprefix("/api/v1/").lstrip("/") == "auth/token"


def test_no_path_ends_in_a_slash_and_none_is_redirected_to(client, db):
    for path, methods in main.app.openapi()["paths"].items():
        assert not path.endswith("/")
        for method in methods:
            answer = client.request(method.upper(), f"{path}/", follow_redirects=False)
            assert answer.status_code in (404, 405, 422), (method, path)


def test_requests_at_once_get_one_whole_document():
    """Otherwise, each of the first requests would generate the document, or read a
    document that another request is still generating.
    """
    app, everybody, interval = main.create_app(), Barrier(4), sys.getswitchinterval()

    def ask(_number):
        everybody.wait(60)
        return app.openapi()

    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as threads:
            documents = list(threads.map(ask, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert documents == [main.app.openapi()] * 4
