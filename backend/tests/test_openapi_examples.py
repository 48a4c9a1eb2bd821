"""The errors, security and schemas in the OpenAPI document match the application's
behaviour.

Programs that generate clients can read the document.
"""

import json

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from app.core.errors import all_errors
from app.platform import limits
from tests.auth.factories import make_user, token_for
from tests.support.openapi_document import BODIES, DOCUMENT, FORM, OPERATIONS, content_of, path_of

PROBLEM = "application/problem+json"


def resolved(shown):
    name = shown.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["examples"][name] if name else shown


def error_examples():
    for name, (_, _, operation) in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            for media, content in answer.get("content", {}).items():
                for key, shown in content.get("examples", {}).items():
                    yield name, status, media, key, resolved(shown)["value"], content["schema"]


def test_every_error_has_an_example_for_each_code():
    for name, (_, path, operation) in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and not path.startswith("/health"):
                content = answer["content"][PROBLEM]
                codes = set(content["schema"]["allOf"][1]["properties"]["code"]["enum"])
                shown = {resolved(one)["value"]["code"] for one in content["examples"].values()}
                assert codes - shown <= {"validation_error"}, (name, status)
                assert shown <= codes, (name, status)


def test_examples_have_the_shape_that_stands_beside_them():
    def valid(value, schema):
        Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)

    for _, status, media, _, value, schema in error_examples():
        assert (media, value["status"]) == (PROBLEM, int(status))
        valid(value, schema)
    for _, _, operation in BODIES.values():
        _, content = content_of(operation)
        valid(content["example"], content["schema"])


def test_an_example_of_an_error_says_what_the_error_says():
    by_code: dict[str, set[str]] = {}
    for error in all_errors():
        by_code.setdefault(error.code, set()).add(error.detail)
        if made := getattr(error, "example", None):
            by_code[error.code].add(made().message)
    for name, _, _, key, value, _ in error_examples():
        if key != "ValidationError":
            assert value["detail"] in by_code[value["code"]], (name, key)


def test_every_error_says_something_of_its_own():
    """An inherited text such as "There is no such resource" names no resource."""
    own = [
        error
        for error in all_errors()
        if "code" in vars(error) and error.__module__.startswith("app.")
    ]
    silent = [error.__qualname__ for error in own if "detail" not in vars(error)]
    assert silent == []


@pytest.mark.slow
@pytest.mark.only("sqlite")
def test_the_validation_errors_are_the_ones_that_come(client, db, settings):
    """The input is an empty body, an unknown field, or a name without its last letter.

    The response is exactly the example in the document.
    """
    settings(GOOGLE_CLIENT_ID="id", GOOGLE_CLIENT_SECRET="secret")
    client.headers["Authorization"] = f"Bearer {token_for(make_user(is_superuser=True))}"
    shown = [
        (name, value) for name, _, _, key, value, _ in error_examples() if key == "ValidationError"
    ]
    assert len(shown) > 30
    for name, value in shown:
        limits.made_counters.cache_clear()
        method, path, operation = OPERATIONS[name]
        first = value["errors"][0]
        url = path_of(path, operation)
        if first["loc"][0] == "query":
            answer = client.request(method, f"{url}?{first['loc'][1]}=1")
        else:
            media, _ = content_of(operation)
            body = {} if first["type"] == "missing" else {"unknown": 1}
            answer = client.request(
                method, url, **({"data": body} if media == FORM else {"json": body})
            )
        if answer.status_code != 404:  # the row in the path is looked up first, and does not exist
            assert answer.json() | {"request_id": value["request_id"]} == value, name


def test_public_routes_say_so():
    security = {name: operation["security"] for name, (_, _, operation) in OPERATIONS.items()}
    for name in (
        "auth_create_token",
        "auth_register",
        "auth_sign_in_with_google",
        "health_is_live",
    ):
        assert security[name] == [], name
    for name in ("auth_read_me", "auth_log_out_everywhere"):
        assert security[name] == [{"OAuth2PasswordBearer": []}], name


def test_what_may_be_left_out_has_no_default():
    """openapi-typescript treats a field with a default as always present."""
    for name, (_, _, operation) in BODIES.items():
        _, content = content_of(operation)
        text = json.dumps(content["schema"])
        for schema, described in DOCUMENT["components"]["schemas"].items():
            if f'/{schema}"' in text:
                assert not [one for one in described["properties"].values() if "default" in one], (
                    name,
                    schema,
                )
    login = DOCUMENT["components"]["schemas"]["Login"]
    assert login["required"] == ["username", "password"]
    assert login["properties"]["client_id"]["type"] == "string"


def test_schemas_have_names_that_types_may_have():
    names = list(DOCUMENT["components"]["schemas"])
    assert [name for name in names if not name.isalnum()] == []
