"""Processes that serve leaflets and cache the responses."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.support.server import Server, running_server

PROGRAM = ("-m", "tests.support.leaflets")


class Process:
    """A running server that the tests use only through HTTP. Its routes return
    leaflets, the example resource of these tests.
    """

    def __init__(self, server: Server, http: httpx2.Client) -> None:
        self.process = server.process
        self.http = http

    def titles(self) -> list[str]:
        answer = self.http.get("/leaflets")
        assert answer.status_code == 200, answer.text
        return [leaflet["title"] for leaflet in answer.json()["items"]]

    def create(self, title: str, **body: Any) -> int:
        answer = self.http.post("/leaflets", json={"title": title, **body})
        assert answer.status_code == 201, answer.text
        made: int = answer.json()["id"]
        return made


@pytest.fixture
def start(committed: object) -> Iterator[Callable[..., Process]]:
    """`start(REDIS_URL="…")` starts one more process, which runs until the test
    ends.
    """
    with ExitStack() as running:

        def one(**variables: str) -> Process:
            server = running.enter_context(
                running_server(*PROGRAM, CACHE_ENABLED="true", **variables)
            )
            http = running.enter_context(httpx2.Client(base_url=server.url, timeout=60))
            return Process(server, http)

        yield one
