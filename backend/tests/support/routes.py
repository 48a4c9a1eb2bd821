"""Routes that use every feature of FastAPI, and a record of the functions that ran."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

from fastapi import (
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    File,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
    UploadFile,
    WebSocket,
)
from fastapi.requests import HTTPConnection
from fastapi.responses import HTMLResponse
from fastapi.security import APIKeyHeader, SecurityScopes
from pydantic import BaseModel

from app.platform.requests.strict_request import RawBody


class Part(BaseModel):
    name: str
    weight: int = 1


class Counter:
    """A callable object that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, step: int = 1) -> int:
        self.calls += step
        return self.calls


class Paging:
    def __init__(self, page: int = 1) -> None:
        self.page = page


# The record of what the functions below did. `application` clears it.
told: list[str] = []
counter = Counter()
key = APIKeyHeader(name="X-Key", auto_error=False)


def first(request: Request) -> str:
    told.append(f"first of {request.method}")
    return "first"


def second(of: Annotated[str, Depends(first)], number: int) -> str:
    told.append("second")
    return f"{of} and {number}"


def refusing() -> None:
    raise HTTPException(409, "refused")


async def waiting(word: str = "awaited") -> str:
    return word


def opened() -> Iterator[str]:
    told.append("opened")
    try:
        yield "open"
    except HTTPException:
        told.append("saw the error")
        raise
    finally:
        told.append("closed")


async def opened_on_the_loop() -> AsyncIterator[str]:
    told.append("opened")
    yield "open"
    told.append("closed")


def marking(response: Response) -> None:
    response.headers["X-Mark"] = "marked"
    response.status_code = 202


def scoped(scopes: SecurityScopes) -> list[str]:
    return scopes.scopes


def nested(
    a: Annotated[str, Depends(first)], b: Annotated[str, Depends(second)], number: int
) -> list[Any]:
    return [a, b, number]


def uncached(
    a: Annotated[int, Depends(counter, use_cache=False)],
    b: Annotated[int, Depends(counter, use_cache=False)],
    c: Annotated[int, Depends(counter)],
    d: Annotated[int, Depends(counter)],
) -> list[int]:
    return [b - a, d - c]


def with_class(paging: Annotated[Paging, Depends()]) -> int:
    return paging.page


def sources(
    q: Annotated[list[str], Query()],
    agent: Annotated[str, Header(alias="X-Agent")],
    key: Annotated[str | None, Depends(key)],
    connection: HTTPConnection,
    taste: Annotated[str, Cookie()] = "plain",
) -> list[Any]:
    return [q, agent, key, connection.url.path, taste]


def refused(number: int) -> int:
    return number


def body(part: Part, times: Annotated[int, Query(ge=1)] = 1) -> Part:
    return Part(name=part.name * times, weight=part.weight)


def bodies(part: Part, colour: Annotated[str, Body()]) -> dict[str, Any]:
    return {"part": part, "colour": colour}


def optional(part: Part | None = None) -> Part | None:
    return part


def raw(data: RawBody) -> str:
    return data.hex()


def form(name: Annotated[str, Form()], times: Annotated[int, Form()] = 1) -> str:
    return name * times


def upload(file: UploadFile, rest: Annotated[bytes, File()]) -> list[Any]:
    return [file.filename, file.file.read().decode(), rest.decode()]


def async_dependency(word: Annotated[str, Depends(waiting)]) -> str:
    return word


async def async_endpoint(
    word: Annotated[str, Depends(waiting)], a: Annotated[str, Depends(first)]
) -> str:
    return word + a


def for_the_function(a: Annotated[str, Depends(opened, scope="function")], fail: int = 0) -> str:
    told.append("ran")
    if fail:
        raise HTTPException(409)
    return a


def for_the_request(a: Annotated[str, Depends(opened)]) -> str:
    return a


def on_the_loop(a: Annotated[str, Depends(opened_on_the_loop, scope="function")]) -> str:
    return a


def marked() -> str:
    return "marked"


def tasks(later: BackgroundTasks) -> str:
    later.add_task(told.append, "afterwards")
    return "now"


def scopes(
    found: Annotated[list[str], Security(scoped, scopes=["read", "write"])],
) -> list[str]:
    return found


def nothing() -> None:
    told.append("ran")


def page() -> str:
    return "<p>page</p>"


def own_response() -> Response:
    return Response("own", media_type="text/plain")


def wrong() -> dict[str, str]:
    return {"weight": "heavy"}


def without_defaults() -> Part:
    return Part(name="short")


def plain() -> dict[str, Any]:
    return {"part": Part(name="plain")}


async def talk(socket: WebSocket, word: Annotated[str, Depends(waiting)]) -> None:
    await socket.accept()
    await socket.send_text(word)
    await socket.close()


ROUTES: list[tuple[str, str, Callable[..., Any], dict[str, Any]]] = [
    ("GET", "/nested/{number}", nested, {}),
    ("GET", "/uncached", uncached, {}),
    ("GET", "/class", with_class, {}),
    ("GET", "/sources", sources, {}),
    ("GET", "/refused/{number}", refused, {"dependencies": [Depends(refusing)]}),
    ("POST", "/body", body, {}),
    ("POST", "/bodies", bodies, {}),
    ("POST", "/optional", optional, {}),
    ("POST", "/raw", raw, {}),
    ("POST", "/form", form, {}),
    ("POST", "/upload", upload, {}),
    ("GET", "/async-dependency", async_dependency, {}),
    ("GET", "/async-endpoint", async_endpoint, {}),
    ("GET", "/opened-for-the-function", for_the_function, {}),
    ("GET", "/opened-for-the-request", for_the_request, {}),
    ("GET", "/opened-on-the-loop", on_the_loop, {}),
    ("GET", "/marked", marked, {"dependencies": [Depends(marking)]}),
    ("POST", "/tasks", tasks, {"status_code": 201}),
    ("GET", "/scopes", scopes, {}),
    ("DELETE", "/nothing", nothing, {"status_code": 204}),
    ("GET", "/page", page, {"response_class": HTMLResponse}),
    ("GET", "/own-response", own_response, {}),
    ("GET", "/wrong", wrong, {"response_model": Part}),
    (
        "GET",
        "/without-defaults",
        without_defaults,
        {"response_model": Part, "response_model_exclude_defaults": True},
    ),
    ("GET", "/plain", plain, {"response_model": None}),
]
