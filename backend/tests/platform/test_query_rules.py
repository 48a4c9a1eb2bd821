"""A typing error in a query is reported, and an empty parameter counts as missing."""

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Query, Request
from fastapi.security import APIKeyQuery
from fastapi.testclient import TestClient
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from app import main
from app.platform import problems
from app.platform.routing import Router
from tests.auth.factories import make_user

SIGNED = APIKeyQuery(name="signature", auto_error=False)


class Filters(BaseModel):
    category: str | None = None
    featured: bool | None = None
    kind: Annotated[str | None, Field(validation_alias=AliasChoices("kind", "type"))] = None


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


def tenant(tenant: str = "none") -> str:
    return tenant


def made_app():
    strict, lenient, outer = (
        Router(prefix="/strict"),
        Router(prefix="/lenient", strict_query=False),
        Router(),
    )

    @strict.get("", dependencies=[Depends(SIGNED)])
    def find(
        request: Request,
        filters: Annotated[Filters, Query()],
        word: Annotated[str, Query(alias="q")] = "none",
        tags: Annotated[list[str] | None, Query()] = None,
        limit: int = 20,
    ) -> dict[str, object]:
        seen = filters.model_dump(exclude_none=True) | {"q": word, "tags": tags, "limit": limit}
        return seen | {"query": request.url.query}

    @strict.get("/required")
    def require(limit: int) -> int:
        return limit

    @strict.get("/anything")
    def take_anything(asked: Annotated[Anything, Query()]) -> dict[str, object]:
        return dict(asked.model_extra or {})

    @strict.get(
        "/read", openapi_extra={"parameters": [{"in": "query", "name": "raw", "schema": {}}]}
    )
    def read(request: Request) -> str | None:
        return request.query_params.get("raw")

    @lenient.get("")
    def tolerate(limit: int = 20) -> int:
        return limit

    app = FastAPI()
    problems.install_problem_handlers(app)
    outer.include_router(strict, dependencies=[Depends(tenant)])
    outer.include_router(lenient)
    app.include_router(outer)
    return app


@pytest.fixture(scope="module")
def asked():
    with TestClient(made_app()) as client:
        yield client


DEFAULTS: dict[str, object] = {"q": "none", "tags": None, "limit": 20}
UNKNOWN = {
    "catgory=news": ("catgory", "Did you mean `category`?"),
    "Category=news": ("Category", "Did you mean `category`?"),
    "limits=": ("limits", "Did you mean `limit`?"),
    "limit=1&tag=x": ("tag", "Did you mean `tags`?"),
    "%63atgory=news": ("catgory", "Did you mean `category`?"),
    "zzz": (
        "zzz",
        (
            "It accepts `category`, `featured`, `kind`, `limit`, `q`, `signature`, `tags`, "
            "`tenant`, `type`."
        ),
    ),
    "=x": ("?", "It accepts"),
    "word=x": ("word", "It accepts"),  # in the URL, this parameter is named `q`
    "<script>=1": ("?", "It accepts"),
    "a%00b=1": ("?", "It accepts"),
    "limit%5B%5D=1": ("limit[]", "Did you mean `limit`?"),
}


@pytest.mark.parametrize("query", UNKNOWN)
def test_an_unknown_name_is_refused_with_the_nearest_one(asked, query):
    answer = asked.get(f"/strict?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    (error,) = answer.json()["errors"]
    name, hint = UNKNOWN[query]
    assert (error["loc"], error["type"]) == (["query", name], "extra_forbidden")
    assert hint in error["msg"]
    assert "script" not in answer.text


def test_every_unknown_name_is_told_up_to_ten(asked):
    errors = asked.get("/strict?" + "&".join(f"unknown{number}=1" for number in range(150))).json()[
        "errors"
    ]
    assert [error["loc"][1] for error in errors] == [f"unknown{number}" for number in range(10)]


def test_a_route_without_parameters_says_so(client, db):
    answer = client.get("/auth/me?x=1").json()
    assert (
        answer["detail"]
        == answer["errors"][0]["msg"]
        == "This route has no query parameter `x`. It accepts none."
    )


KNOWN: dict[str, dict[str, object]] = {
    "category=news&type=a": {"category": "news", "kind": "a"},
    "kind=a&tenant=acme&signature=abc": {"kind": "a"},
    "q=x&tags=a&tags=b&limit=3": {"q": "x", "tags": ["a", "b"], "limit": 3},
}


@pytest.mark.parametrize("query", KNOWN)
def test_every_way_to_declare_a_parameter_counts(asked, query):
    found = asked.get(f"/strict?{query}")
    assert found.json() == DEFAULTS | KNOWN[query] | {"query": query}


EMPTY = ["category=&featured=&limit=&q=&tags=", "category", "&&limit=&", "", "category&featured"]


@pytest.mark.parametrize("query", EMPTY)
def test_an_empty_parameter_is_not_given(asked, query):
    assert asked.get(f"/strict?{query}").json() == DEFAULTS | {"query": ""}


def test_an_empty_parameter_leaves_the_others_unchanged(asked):
    found = asked.get("/strict?limit=&q=a%20b&tags=&tags=%2B&limit=7").json()
    assert found == DEFAULTS | {
        "q": "a b",
        "tags": ["+"],
        "limit": 7,
        "query": "q=a%20b&tags=%2B&limit=7",
    }


def test_a_blank_is_a_value(asked):
    assert asked.get("/strict?category=%20").json()["category"] == " "


def test_a_needed_parameter_that_is_empty_is_missing(asked):
    (error,) = asked.get("/strict/required?limit=").json()["errors"]
    assert (error["loc"], error["type"]) == (["query", "limit"], "missing")


def test_routes_and_routers_can_opt_out(asked):
    assert asked.get("/lenient?limit=&authuser=0").json() == 20
    assert asked.get("/strict/anything?authuser=0&empty=").json() == {"authuser": "0"}
    assert asked.get("/strict/read?raw=7").json() == "7"
    assert asked.get("/strict/read?rwa=7").status_code == 422


LENIENT = {"/auth/google/callback", "/payments/webhook"}
IGNORES = ("/health/live", "/health/ready", "/metrics", "/docs", "/redoc", "/openapi.json")


def test_every_route_of_a_feature_is_strict(client, db, login):
    """The errors appear even if no user is signed in.

    The parameters of a route are public, because the OpenAPI document is.
    """
    paths = main.app.openapi()["paths"]
    for path, methods in paths.items():
        for method in methods:
            url = path.replace("{slug}", "first-light").replace("{", "").replace("}", "")
            answer = client.request(method.upper(), f"{url}?no_such_parameter=1")
            strict = path not in LENIENT and not path.startswith("/health")
            assert ("no query parameter" in answer.text) == strict, (method, path, answer.text)


@pytest.mark.parametrize("path", IGNORES)
def test_what_others_call_ignores_unknown_parameters(client, db, path):
    assert client.get(f"{path}?utm_source=x&v=1").status_code == 200, path


def test_the_document_has_no_parameter_that_may_not_be_empty():
    """`?type=` is treated as if it were missing, so a minimum length would be wrong."""
    for methods in main.app.openapi()["paths"].values():
        for operation in methods.values():
            asked = [
                one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"
            ]
            assert "minLength" not in str(asked), operation["operationId"]


def test_a_cursor_does_not_notice_empty_parameters(widgets, db):
    for number in range(3):
        widgets.post("/widgets", json={"name": f"w{number}"})
    cursor = widgets.get("/widgets?limit=1&offset=").json()["next_cursor"]
    assert len(widgets.get(f"/widgets?cursor={cursor}&offset=").json()["items"]) == 2


def test_the_form_of_the_token_ignores_unknown_fields(client, db):
    """RFC 6749, 3.2: "the authorization server MUST ignore unrecognized request
    parameters".
    """
    from tests.auth.factories import PASSWORD

    form = {
        "username": make_user().username,
        "password": PASSWORD,
        "audience": "x",
        "scope": "",
        "client_id": "",
    }
    assert client.post("/auth/token", data=form).status_code == 200
    assert client.post("/auth/token?audience=x", data=form).status_code == 422
