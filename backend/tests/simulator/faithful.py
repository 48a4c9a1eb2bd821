"""Compares every response of the simulator, in every test, with Stripe's
declarations.
"""

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.simulator.fidelity import flaws


class Faithful:
    """A wrapper around the simulator's application, which checks each response of
    `/v1/`.

    `found` has a line for every difference. `answers` is the number of responses, so
    that a test can see that some were checked. A test that needs the responses
    themselves sets `kept` to a list.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.answers = 0
        self.found: list[str] = []
        self.kept: list[Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return
        body = bytearray()

        async def watch(message: Message) -> None:
            body.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._look(f"{scope['method']} {scope['path']}", bytes(body))
            await send(message)

        await self.app(scope, receive, watch)

    def _look(self, asked: str, body: bytes) -> None:
        self.answers += 1
        try:
            answer: Any = json.loads(body)
        except ValueError:
            self.found.append(f"{asked}: no JSON: {body[:60]!r}")
            return
        if self.kept is not None:
            self.kept.append(answer)
        self.found += [f"{asked}: {flaw}" for flaw in flaws(answer)]
