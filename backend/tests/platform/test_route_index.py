"""The index finds the route that FastAPI would have found, whatever the routes are."""

import pytest
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.testclient import TestClient
from starlette.routing import Match

from app.platform import route_index
from app.platform.routing import Router

inner = Router(prefix="/inner")


@inner.get("/first")
def first() -> str:
    return "first"


@inner.get("/{word}")
def word(word: str) -> str:
    return f"word {word}"


@inner.get("/last")  # an earlier route has the same path
def hidden() -> str:
    return "never"


@inner.get("/{number:int}/part-{part}")
def part(number: int, part: str) -> str:
    return f"{number} and {part}"


@inner.post("/{word}")
def write(word: str) -> str:
    return f"wrote {word}"


@inner.get("/files/{path:path}")
def file(path: str) -> str:
    return f"file {path}"


@inner.get("/where/{word}")
def where(request: Request, word: str) -> str:
    return f"{request.url_for('word', word=word).path} {request.path_params}"


@inner.websocket("/first")
async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("first")
    await socket.close()


def plain(_request: Request) -> Response:
    return Response("plain")


def application(*, indexed: bool) -> TestClient:
    app = FastAPI(redirect_slashes=False)
    outer = APIRouter(prefix="/outer")
    outer.include_router(inner)
    app.include_router(outer, prefix="/api")
    app.add_route("/plain/{rest:path}", plain)

    @app.get("/plain/late")
    def late() -> str:
        return "never"

    if indexed:
        route_index.install(app)

    @app.get("/added/afterwards")
    def added() -> str:
        return "added"

    return TestClient(app)


PATHS = [
    "/api/outer/inner/first",
    "/api/outer/inner/other",
    "/api/outer/inner/last",
    "/api/outer/inner/7/part-9",
    "/api/outer/inner/x/part-9",
    "/api/outer/inner/files/a/b/c",
    "/api/outer/inner/files/",
    "/api/outer/inner/where/hidden",
    "/api/outer/inner/first/",
    "/api/outer/inner/first%0A",
    "/api/outer/inner/a%2Fb",
    "/api/outer/inner",
    "/api/outer",
    "/plain/late",
    "/added/afterwards",
    "/",
    "/nothing",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_request_reaches_the_same_route_as_without_the_index(path, method):
    answers = [application(indexed=indexed).request(method, path) for indexed in (True, False)]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].content == answers[1].content


def test_a_websocket_reaches_its_route():
    with application(indexed=True).websocket_connect("/api/outer/inner/first") as socket:
        assert socket.receive_text() == "first"


def test_the_index_itself_finds_routes_of_features(app):
    """Without the index, every request would still work, but it would try all patterns
    and take longer.
    """
    index = app.router.routes[0]
    scope = {"type": "http", "method": "GET", "path": "/blog/posts/7", "root_path": ""}
    match, found = index.matches(scope)
    assert match is Match.FULL
    assert found["path_params"] == {"post_id": "7"}


def test_a_request_that_is_traced_is_left_to_fastapi(app):
    """Our index finds no match, because only FastAPI's own routing reports the selected
    route to its tracer.
    """
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/blog/posts/7",
        "fastapi.telemetry": object(),
    }
    assert app.router.routes[0].matches(scope)[0] is Match.NONE
