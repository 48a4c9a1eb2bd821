"""The servers of a running `make dev`, for the story of a subscription."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from tools.console import Problem

WAIT_SECONDS = 60
PASSWORD = "a pass phrase of the billing story"  # noqa: S105 - the password of an invented user
GOOD_CARD = "4242 4242 4242 4242"
SIMULATOR_KEY = "sk_test_story"  # the simulator accepts any test key
FAILING_CARD = "4000 0000 0000 0341"  # this card can be saved, but payments with it fail


class World:
    """A client of the API and of the simulator.

    `api` and `simulator` are URLs without a trailing slash. The customer of the story
    has a test clock in the simulator, so time passes only for this customer.
    """

    def __init__(self, api: str, simulator: str) -> None:
        self.api, self.simulator = api, simulator
        self._http = httpx2.Client(timeout=120)
        self._clock = ""

    def close(self) -> None:
        self._http.close()

    def is_up(self) -> bool:
        try:
            state = self._http.get(f"{self.simulator}/_simulator/api/state")
            return state.is_success and self._http.get(f"{self.api}/health/ready").is_success
        except httpx2.TransportError:
            return False

    def answer(self, method: str, path: str, token: str = "", **content: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._http.request(method, f"{self.api}{path}", headers=headers, **content)

    def ask(self, method: str, path: str, status: int, token: str = "", **content: Any) -> Any:
        """Return the API's response as JSON.

        Raises `Problem` if the response has another status.
        """
        answer = self.answer(method, path, token, **content)
        if answer.status_code != status:
            raise Problem(
                f"{method} {path} answered {answer.status_code}, not {status}: {answer.text[:300]}"
            )
        return answer.json() if answer.content else None

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        """Return the emails to this address, oldest first."""
        found = self._http.get(f"{self.api}/dev/mailbox.json").json()
        return [mail for mail in found[::-1] if mail["to"] == address]

    def token_mailed_to(self, address: str) -> str:
        found: list[str] = []

        def arrived() -> bool:
            texts = [mail["text"] for mail in self.mails_to(address)]
            found.extend(
                token
                for text in texts
                for token in re.findall(r"/verify-email\?token=([^\s&]+)", text)
            )
            return bool(found)

        wait_until(arrived, f"a mail to {address}")
        return found[-1]

    def submit(self, url: str, **fields: str) -> str:
        """Send a form on a hosted page, and return the URL that the page redirects to.

        If the page does not redirect, this raises `Problem` with the page's message.
        """
        answer = self._http.post(url, data=fields)
        if not answer.is_redirect:
            said = re.findall(r'role="alert"[^>]*>([^<]+)|class="wrong"[^>]*>([^<]+)', answer.text)
            raise Problem(f"{url} answered {answer.status_code}: {said}")
        return str(answer.headers["location"])

    def pay_in_checkout(self, url: str, card: str) -> str:
        """Pay on the Checkout page, and return the URL that the page redirects to."""
        return self.submit(url, act="pay", **_typed(card))

    def save_card(self, portal: str, card: str) -> str:
        return self.submit(f"{portal}/cards", act="save", **_typed(card))

    def make_clock_for(self, email: str) -> None:
        """Create a test clock that begins now.

        The customer that the API creates for this address will use it.
        """
        now = self._http.get(f"{self.simulator}/_simulator/api/state").json()["now"]
        clock = self._clocks("POST", "", frozen_time=now, name=f"The story of {email}")
        self._clock = str(clock["id"])
        self._control("customers/clock", email=email, test_clock=self._clock)

    def now(self) -> datetime:
        """Return the time of the story's clock."""
        return datetime.fromtimestamp(self._clocks("GET", f"/{self._clock}")["frozen_time"], UTC)

    def advance_to(self, moment: datetime) -> None:
        """Move the customer's clock to this time, and wait for the events."""
        self._clocks("POST", f"/{self._clock}/advance", frozen_time=int(moment.timestamp()))
        self._control("settle", timeout_seconds=WAIT_SECONDS)

    def _clocks(self, method: str, path: str, **body: Any) -> Any:
        url = f"{self.simulator}/v1/test_helpers/test_clocks{path}"
        answer = self._http.request(
            method, url, data=body, headers={"Authorization": f"Bearer {SIMULATOR_KEY}"}
        )
        if not answer.is_success:
            raise Problem(f"{method} {url} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def advance(self, **span: float) -> None:
        """Move the clock forward by a span such as `days=1` or `hours=2`."""
        self.advance_to(self.now() + timedelta(**span))

    def _control(self, path: str, **body: Any) -> None:
        answer = self._http.post(f"{self.simulator}/_simulator/api/{path}", json=body)
        if not answer.is_success:
            raise Problem(
                f"The simulator's {path} answered {answer.status_code}: {answer.text[:300]}"
            )


def _typed(card: str) -> dict[str, str]:
    return {"number": card, "expiry": "12 / 44", "cvc": "123", "name": "Ada Story"}


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until `is_so()` is true. Raises `Problem` after a minute."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise Problem(f"Waited {WAIT_SECONDS} s for {what}.")
        time.sleep(0.1)
