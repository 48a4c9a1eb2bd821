"""`Faithful` checks every response, and reports what it finds."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.testclient import TestClient

from tests.simulator.faithful import Faithful

DELETED = {"id": "cus_1", "object": "customer", "deleted": True}
WRONG = DELETED | {"id": 1}


async def answer(request: Request) -> Response:
    match request.url.path.rpartition("/")[2]:
        case "good":
            return JSONResponse(DELETED)
        case "parts":
            return StreamingResponse(
                iter([b'{"id": 1, "object": "customer",', b' "deleted": true}'])
            )
        case "text":
            return Response("no JSON")
    return JSONResponse(WRONG)


def watched(*paths: str) -> Faithful:
    app = Starlette()
    for prefix in ("/v1", "/_simulator"):
        app.add_route(f"{prefix}/{{name}}", answer)
    faithful = Faithful(app)
    with TestClient(faithful) as client:
        for path in paths:
            client.get(path)
    return faithful


def test_a_wrong_answer_is_found_and_named():
    faithful = watched("/v1/good", "/v1/wrong")
    assert faithful.found == ["GET /v1/wrong: customer.id: 1 is no str"]
    assert faithful.answers == 2


def test_an_answer_in_parts_is_looked_at_whole():
    assert watched("/v1/parts").found == ["GET /v1/parts: customer.id: 1 is no str"]


def test_what_is_no_json_is_found():
    assert watched("/v1/text").found == ["GET /v1/text: no JSON: b'no JSON'"]


def test_pages_and_the_control_api_are_not_stripes():
    faithful = watched("/_simulator/wrong")
    assert (faithful.found, faithful.answers) == ([], 0)


def test_the_simulator_of_the_tests_is_watched(simulator, v1):
    before = simulator.faithful.answers
    v1.customers.create({"email": "ada@example.com"})
    assert simulator.faithful.answers == before + 1
