"""The OpenAPI document is the contract that frontends generate their clients from."""

import copy
import json
import re

import pytest

from app.main import app
from app.platform import openapi_document as document_
from tests import openapi_snapshots

UPDATE = "the API changed. If that is wanted: make openapi"
REDIRECTS = {
    "GET /auth/google/login": "302",
    "GET /auth/google/callback": "303",
    "GET /auth/data-export/download": "303",
}  # these are opened in a browser's address bar


@pytest.fixture
def document():
    return copy.deepcopy(app.openapi())


def operations(document):
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_the_one_in_the_snapshots(document):
    wanted = openapi_snapshots.snapshots(document)
    assert openapi_snapshots.stale(wanted) == [], UPDATE
    for file, text in wanted.items():
        assert file.is_file(), f"{file.name} of {file.parent.name} is missing: {UPDATE}"
        assert file.read_text("utf-8") == text, UPDATE


def test_a_snapshot_has_every_component_that_it_refers_to(document):
    for text in openapi_snapshots.snapshots(document).values():
        content = json.loads(text)
        referred = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', text))
        assert referred == {
            (kind, name) for kind, parts in content["components"].items() for name in parts
        }


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"]["/auth/me"]["get"]["responses"].pop("401"),
        lambda d: d["components"]["schemas"]["Me"]["properties"].pop("email"),
        lambda d: d["components"]["schemas"]["Problem"]["required"].pop(),
        lambda d: d["components"]["headers"]["Retry-After"].pop("schema"),
        lambda d: d["paths"].pop("/auth/token"),
    ],
)
def test_a_change_of_the_contract_shows(document, change):
    before = openapi_snapshots.snapshots(document)
    change(document)
    assert openapi_snapshots.snapshots(document) != before


def test_bounds_of_integers_are_integers(document):
    """As a float, the largest value would be one more than the largest accepted
    value.
    """
    bounds = {"type": "integer", "minimum": 1.0, "maximum": 2.0**63}
    document["components"]["schemas"]["Made"] = {"anyOf": [bounds, {"type": "null"}]}
    document_.write_bounds_as_integers(document)
    assert (bounds["minimum"], bounds["maximum"]) == (1, 2**63 - 1)


def test_every_bound_of_the_document_is_written_so(document):
    assert not re.findall(r'"(?:min|max)imum": [0-9.]+(?:\.0|e)', json.dumps(document))


def test_operation_ids_are_unique_and_fit_for_function_names(document):
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []


PUBLIC = (
    "GET /blog/authors",
    "GET /blog/categories",
    "GET /blog/feed",
    "GET /blog/sitemap",
    "GET /blog/stats",
    "GET /payments/plans",
    "POST /payments/webhook",
)  # anyone may call these


def test_every_operation_documents_its_errors_as_problems(document):
    for label, operation in operations(document).items():
        if "/health/" in label:
            continue
        errors = {
            int(status): answer
            for status, answer in operation["responses"].items()
            if int(status) >= 400
        }
        assert {422, 503} <= set(errors), label
        if operation.get("security") or "/auth/" not in label:
            assert 401 in errors or label.startswith(PUBLIC), label
        if "{" in label:
            assert 404 in errors, label
        if "requestBody" in operation:
            assert 413 in errors, label
        for status, answer in errors.items():
            assert list(answer["content"]) == ["application/problem+json"], (label, status)
            narrowed = answer["content"]["application/problem+json"]["schema"]["allOf"][1]
            assert narrowed["properties"]["code"]["enum"], (label, status)


def test_every_operation_has_one_tag_and_a_success(document):
    for label, operation in operations(document).items():
        assert len(operation["tags"]) == 1, label
        successes = [status for status in operation["responses"] if status[0] == "2"]
        assert successes or REDIRECTS[label] in operation["responses"], label
