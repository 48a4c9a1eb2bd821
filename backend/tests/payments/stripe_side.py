"""The simulator for tests. It runs as a process, tests call its API through
stripe-python, and it sends webhooks.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import httpx2
import stripe

from app.core.config import BACKEND
from tests.support.server import free_port

KEY = "sk_test_simulator"
SECRET = "whsec_of_these_tests"
START_SECONDS = 60


@lru_cache
def plain_http() -> httpx2.Client:
    """Return the HTTP client that all tests share, because creating a client takes 35
    ms.
    """
    return httpx2.Client(timeout=300, limits=httpx2.Limits(max_keepalive_connections=0))


@contextlib.contextmanager
def simulator_process(*options: str) -> Iterator[str]:
    """Run `python -m simulator` in memory with a seed, and return its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "simulator",
        "--memory",
        "--seed",
        "tests",
        "--port",
        str(port),
        *options,
    ]
    process = subprocess.Popen(command, cwd=BACKEND, env=dict(os.environ))
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            assert process.poll() is None, "the simulator has ended"
            assert time.monotonic() < deadline, "the simulator does not answer"
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def empty(url: str) -> None:
    """Remove everything from the simulator."""
    plain_http().post(f"{url}/_simulator/api/reset").raise_for_status()


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return (
            plain_http()
            .get(f"{url}/v1/customers", headers={"Authorization": f"Bearer {KEY}"})
            .status_code
            == 200
        )
    return False


def signed(payload: bytes, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
    """Return the headers, with a signature, that Stripe would send with this
    payload.
    """
    header = stripe.WebhookSignature.generate_signature_header(payload.decode(), secret, at)
    return {"Stripe-Signature": header, "Content-Type": "application/json"}


def event(
    kind: str = "customer.updated", about: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """Return an event as Stripe would send it."""
    made = {
        "id": f"evt_{kind}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {"object": about or {"object": "customer", "id": "cus_1"}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": None,
        "type": kind,
    }
    return made | changes


def send(client: Any, sent: dict[str, Any] | bytes, **signing: Any) -> Any:
    """POST an event to our endpoint, signed."""
    payload = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    return client.post("/payments/webhook", content=payload, headers=signed(payload, **signing))


class StripeSide:
    """Stripe, as a test uses it."""

    def __init__(self, url: str, retries: int = 0) -> None:
        """Connect to the simulator. A call that fails with a broken connection or a
        server error is repeated up to `retries` times.
        """
        self.url = url
        self._http = stripe.RequestsClient(timeout=30)
        client = stripe.StripeClient(
            KEY, base_addresses={"api": url}, http_client=self._http, max_network_retries=retries
        )
        self.api = client.v1

    def control(self, method: str, path: str, **body: Any) -> Any:
        answer = plain_http().request(
            method, f"{self.url}/_simulator/api/{path}", json=body if method == "POST" else None
        )
        assert answer.is_success, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def chaos(self, **wishes: Any) -> None:
        self.control("POST", "chaos", **wishes)

    def advance(self, **how: Any) -> None:
        """Advance the clock by `seconds=` or `to=`, and wait for everything that is
        due.
        """
        self.control("POST", "clock/advance", **how)

    def pay(
        self, session_url: str, number: str = "4242424242424242", *, promotion_code: str = ""
    ) -> httpx2.Response:
        """Fill in the page of a Checkout session, and submit the form."""
        card = {
            "number": number,
            "expiry": "12 / 40",
            "cvc": "123",
            "name": "Ada Lovelace",
            "promotion_code": promotion_code,
        }
        return plain_http().post(session_url, data=card | {"act": "pay"}, timeout=30)

    def close(self) -> None:
        """End all chaos and close all connections."""
        self.chaos()
        self._http.close()

    def events(self, *about: str) -> list[dict[str, Any]]:
        """Return the events that name one of these ids, oldest first."""
        found: list[dict[str, Any]] = []
        more, last = True, ""
        while more:
            after = f"&starting_after={last}" if last else ""
            headers = {"Authorization": f"Bearer {KEY}"}
            page = (
                plain_http().get(f"{self.url}/v1/events?limit=100{after}", headers=headers).json()
            )
            found += page["data"]
            more, last = page["has_more"], found[-1]["id"] if found else ""
        return [
            one
            for one in found[::-1]
            if not about or any(name in json.dumps(one) for name in about)
        ]
