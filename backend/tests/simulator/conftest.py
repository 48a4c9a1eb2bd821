"""The simulator runs on a real port, and the unchanged stripe-python uses it."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import stripe
from fastapi import FastAPI

from simulator.app import create_app
from simulator.server import server
from simulator.settings import Settings
from simulator.state.store import Store
from tests.simulator.faithful import Faithful
from tests.support.server import free_port

NOW = 1_767_225_600  # 2026-01-01 00:00 UTC
KEY = "sk_test_simulator"


@dataclass
class Simulator:
    """A running simulator. `url` has no slash at its end."""

    url: str
    app: FastAPI
    faithful: Faithful

    @property
    def store(self) -> Store:
        found: Store = self.app.state.store
        return found

    def control(self, path: str, **body: Any) -> Any:
        """Send a POST to the simulator's control API, and return the response."""
        answer = httpx2.post(f"{self.url}/_simulator/api/{path}", json=body, timeout=120)
        assert answer.is_success, answer.text
        return answer.json()

    def advance(self, **wanted: int) -> None:
        """Advance the clock by `seconds`, or `to` a Unix time, and wait for everything
        that is then due.
        """
        self.control("clock/advance", **wanted)

    def settle(self) -> None:
        """Wait until all events have arrived."""
        self.control("settle")

    def client(self, key: str = KEY) -> stripe.StripeClient:
        http = stripe.RequestsClient(timeout=60)
        return stripe.StripeClient(
            key, base_addresses={"api": self.url}, http_client=http, max_network_retries=0
        )


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Simulator]:
    """Serve a simulator, and compare every response below /v1/ with Stripe's
    declarations.
    """
    app = create_app(settings)
    faithful = Faithful(app)
    running = server(faithful, settings.port)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive(), "the simulator has ended"
        time.sleep(0.005)
    try:
        yield Simulator(settings.base_url, app, faithful)
    finally:
        running.should_exit = True
        thread.join(60)
    assert not thread.is_alive()
    assert faithful.found == []


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    with serving(Settings(free_port(), state=None, seed="tests", now=NOW)) as running:
        yield running


@pytest.fixture
def simulator(running_simulator: Simulator) -> Iterator[Simulator]:
    """An empty simulator in memory. Its clock does not run.

    A test that stops the simulator, or needs a state file, uses `serving`.
    """
    running_simulator.control("reset")
    yield running_simulator
    found, running_simulator.faithful.found = running_simulator.faithful.found, []
    assert found == []


@pytest.fixture
def v1(simulator: Simulator) -> stripe._v1_services.V1Services:
    return simulator.client().v1
