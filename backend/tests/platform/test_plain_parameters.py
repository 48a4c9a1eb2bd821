"""Parameters that our code reads in one step have the same values and errors as with
FastAPI.
"""

from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel, BeforeValidator, Field

from app.platform import problems
from app.platform.one_hop.parameters import parameters_of
from app.platform.routing import Router


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Filters(BaseModel):
    shade: Annotated[str | None, Field(max_length=5)] = None
    at_least: int = 3
    open: bool = True
    sort: Literal["a", "-a"] = "a"


def few(limit: Annotated[int, Query(ge=1, le=9)] = 4, tint: Colour | None = None) -> dict[str, Any]:
    return {"limit": limit, "tint": tint}


def one(
    number: Annotated[int, Path(ge=1)],
    filters: Annotated[Filters, Query()],
    page: Annotated[dict[str, Any], Depends(few)],
    request: Request,
) -> dict[str, Any]:
    return {"number": number, "filters": filters, "page": page, "path": request.url.path}


def many(
    day: date,
    named: Annotated[str, Query(alias="name-of")],
    upper: Annotated[str, BeforeValidator(str.upper)] = "x",
    words: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    return {"day": day, "named": named, "upper": upper, "words": words}


PATHS = [
    "/one/7",
    "/one/0",
    "/one/x",
    "/one/7?shade=dark&at_least=1&open=false&sort=-a&limit=2&tint=red",
    "/one/7?shade=darker",
    "/one/7?at_least=x&limit=99&tint=green&open=maybe&sort=b",
    "/one/7?limit=2&limit=3",
    "/one/7?limit=&shade=",
    "/one/7?shade=%20%C3%A9",
    "/many?day=2026-02-01&name-of=ada&upper=a&words=b&words=c",
    "/many?day=2026-02-30",
    "/many",
]


def answers(router: APIRouter) -> list[tuple[int, Any]]:
    router.add_api_route("/one/{number}", one)
    router.add_api_route("/many", many)
    app = FastAPI()
    problems.install_problem_handlers(app)
    app.include_router(router)
    client = TestClient(app)
    got = [client.get(path) for path in PATHS]
    return [(one.status_code, {**one.json(), "request_id": None}) for one in got]


def test_the_answers_are_those_of_fastapi():
    ours, theirs = answers(Router(strict_query=False)), answers(APIRouter())
    empty = PATHS.index("/one/7?limit=&shade=")  # we treat an empty parameter as missing
    assert ours[empty] == ours[0]
    for path, own, other in zip(PATHS, ours, theirs, strict=True):
        assert own == other or path == PATHS[empty], path


@pytest.mark.parametrize(("function", "is_plain"), [(one, True), (few, True), (many, False)])
def test_only_plain_parameters_are_read_in_one_step(function, is_plain):
    router = APIRouter()
    router.add_api_route("/one/{number}" if function is one else "/it", function)
    dependant: Any = router.routes[0].dependant  # type: ignore[attr-defined]
    assert (parameters_of(dependant) is not None) is is_plain
