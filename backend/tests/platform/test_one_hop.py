"""All functions of a request run on one thread, and dependencies behave as FastAPI
promises.
"""

import threading
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
)
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import event, text

from app.db.database import db_dependency, engine
from app.platform import problems
from app.platform.one_hop import plan_of
from app.platform.routing import Router
from tests.support.routes import ROUTES, talk, told


def application(router: APIRouter) -> TestClient:
    told.clear()
    for method, path, function, options in ROUTES:
        router.add_api_route(path, function, methods=[method], **options)
    router.add_api_websocket_route("/talk", talk)
    app = FastAPI()
    problems.install_problem_handlers(app)
    app.include_router(router, prefix="/api")
    return TestClient(app, raise_server_exceptions=False)


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/nested/7", {}),
    ("GET", "/nested/x", {}),
    ("GET", "/uncached", {}),
    ("GET", "/uncached?step=2", {}),
    ("GET", "/uncached?step=x", {}),
    ("GET", "/class?page=3", {}),
    (
        "GET",
        "/sources?q=a&q=b",
        {"headers": {"X-Agent": "me", "X-Key": "k", "Cookie": "taste=sweet"}},
    ),
    ("GET", "/sources", {}),
    ("GET", "/refused/7", {}),
    ("GET", "/refused/x", {}),
    ("POST", "/body?times=2", {"json": {"name": "ab"}}),
    ("POST", "/body?times=0", {"json": {"weight": "x"}}),
    ("POST", "/body", {}),
    ("POST", "/bodies", {"json": {"part": {"name": "a"}, "colour": "red"}}),
    ("POST", "/bodies", {"json": {"name": "a"}}),
    ("POST", "/optional", {}),
    ("POST", "/optional", {"json": {"name": "a"}}),
    ("POST", "/raw", {"content": b"\x00\xff", "headers": {"content-type": "application/x"}}),
    ("POST", "/form", {"data": {"name": "ab", "times": "2"}}),
    ("POST", "/form", {"data": {"times": "x"}}),
    ("POST", "/upload", {"files": {"file": ("a.txt", b"first"), "rest": ("b.txt", b"second")}}),
    ("GET", "/async-dependency?word=w", {}),
    ("GET", "/async-endpoint", {}),
    ("GET", "/opened-for-the-function", {}),
    ("GET", "/opened-for-the-function?fail=1", {}),
    ("GET", "/opened-for-the-request", {}),
    ("GET", "/opened-on-the-loop", {}),
    ("GET", "/marked", {}),
    ("POST", "/tasks", {}),
    ("GET", "/scopes", {}),
    ("DELETE", "/nothing", {}),
    ("GET", "/page", {}),
    ("GET", "/own-response", {}),
    ("GET", "/wrong", {}),
    ("GET", "/without-defaults", {}),
    ("GET", "/plain", {}),
]
OURS = {"cache-control", "vary", "etag"}  # only our routes set these headers


@pytest.mark.parametrize(("method", "path", "given"), REQUESTS)
def test_a_route_answers_as_fastapi_would(method, path, given):
    answers, did = [], []
    for router in (Router(strict_query=False), APIRouter()):
        client = application(router)
        answers.append(client.request(method, f"/api{path}", **given))
        did.append([*told])
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].text == answers[1].text
    headers = [
        {name: value for name, value in answer.headers.items() if name not in OURS}
        for answer in answers
    ]
    assert headers[0] == headers[1]
    assert did[0] == did[1]


def test_a_websocket_has_its_dependencies():
    with application(Router()).websocket_connect("/api/talk?word=hello") as socket:
        assert socket.receive_text() == "hello"


def test_a_test_may_override_a_dependency_of_a_planned_route():
    router = Router()

    def original() -> str:
        return "original"

    @router.get("/word")
    def word(word: Annotated[str, Depends(original)]) -> str:
        return word

    app = FastAPI()
    app.include_router(router)
    with TestClient(app) as client:
        assert client.get("/word").json() == "original"
        app.dependency_overrides[original] = lambda: "other"
        assert client.get("/word").json() == "other"
        app.dependency_overrides.clear()
        assert client.get("/word").json() == "original"


def test_a_dependency_that_swallows_an_error_is_a_fault():
    router = Router()

    def swallowing() -> Iterator[None]:
        try:
            yield
        except ValueError:
            return

    @router.get("/swallowed", dependencies=[Depends(swallowing, scope="function")])
    def swallowed() -> None:
        raise ValueError

    app = FastAPI()
    app.include_router(router)
    answer = TestClient(app, raise_server_exceptions=False).get("/swallowed")
    assert answer.status_code == 500


def test_dependencies_endpoint_and_commit_run_in_one_thread(committed):
    seen: list[tuple[str, int]] = []

    def note(name: str) -> None:
        seen.append((name, threading.get_ident()))

    def first(db: db_dependency) -> int:
        note("first")
        return int(db.scalar(text("SELECT 1")) or 0)

    def around() -> Iterator[None]:
        note("around")
        yield
        note("after")

    router = Router()

    @router.post("/thread", status_code=201)
    def endpoint(
        db: db_dependency,
        _around: Annotated[None, Depends(around, scope="function")],
        found: Annotated[int, Depends(first)],
    ) -> int:
        note("endpoint")
        return int(db.scalar(text("SELECT 1")) or 0) + found

    app = FastAPI()
    app.include_router(router)
    noted = lambda _connection: note("commit")  # noqa: E731 - `event.remove` wants the same object
    event.listen(engine, "commit", noted)
    try:
        with TestClient(app) as client:
            assert client.post("/thread").json() == 2
    finally:
        event.remove(engine, "commit", noted)
    assert [name for name, _ in seen] == ["around", "first", "endpoint", "after", "commit"]
    assert len({thread for _, thread in seen}) == 1
    assert threading.main_thread().ident not in {thread for _, thread in seen}


def test_the_busy_routes_of_the_application_have_a_plan(app):
    """Without a plan, a request still works, but it moves between threads again and
    again, and takes longer.
    """
    found = {(m, c.path): c for c in _contexts(app) for m in c.methods or ()}
    for method, path in [
        ("GET", "/auth/me"),
        ("GET", "/blog/posts"),
        ("POST", "/blog/posts"),
        ("GET", "/blog/posts/{post_id}"),
        ("POST", "/payments/webhook"),
    ]:
        context = found[method, path]
        assert plan_of(context, left_out=context.original_route.left_out), path


def _contexts(app: FastAPI) -> Iterator[Any]:
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            yield context
