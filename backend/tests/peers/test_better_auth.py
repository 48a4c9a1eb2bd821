"""better-auth with @better-auth/stripe: users subscribe, change their plan and cancel.

The site under test is third-party code.
"""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from sqlalchemy import URL, create_engine, text

from simulator.settings import Settings
from tests.peers import environments
from tests.simulator.conftest import KEY, Simulator, serving
from tests.simulator.shop import Shop
from tests.support.server import free_port

pytestmark = [pytest.mark.long, pytest.mark.only("postgresql")]

FOLDER = environments.PEERS / "better_auth"
READY_SECONDS = 120
PASSWORD = "correct horse battery staple"
CARD = {
    "number": "4242424242424242",
    "expiry": "12/34",
    "cvc": "123",
    "name": "Ada Lovelace",
    "act": "pay",
}
DAY, HOUR = 86_400, 3600


@dataclass
class Site:
    """The running site at `address`, and the contents of its database."""

    address: str
    database: URL
    simulator: Simulator

    def subscription(self, email: str) -> dict[str, Any]:
        """Wait until all events have arrived, and return the person's single
        subscription row.
        """
        self.simulator.control("settle", timeout_seconds=120)
        wanted = (
            'SELECT s.* FROM subscription s JOIN "user" u ON u.id = s."referenceId" '
            "WHERE u.email = :email"
        )
        engine = create_engine(self.database)
        with engine.connect() as connection:
            row = connection.execute(text(wanted), {"email": email}).mappings().one()
        engine.dispose()
        return dict(row)

    def wait(self, seconds: int) -> None:
        """Advance the clock, and wait until all events that are then due are
        delivered.
        """
        self.simulator.advance(seconds=seconds)
        self.simulator.control("settle", timeout_seconds=120)

    def wait_until(self, moment: int) -> None:
        """Do the same as `wait`, but advance the clock to a Unix time."""
        self.simulator.advance(to=moment)
        self.simulator.control("settle", timeout_seconds=120)


class Person:
    """A person with a browser, who has signed up at the site and has one session."""

    def __init__(self, site: Site, web: httpx2.Client, email: str) -> None:
        self.site, self.email = site, email
        self.web = web
        self.post("sign-up/email", email=email, password=PASSWORD, name="Ada")

    def post(self, path: str, **body: Any) -> Any:
        answer = self.ask(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str, body: Any) -> httpx2.Response:
        """Send a request as a page of the site does."""
        headers = {"Origin": self.site.address}
        return self.web.post(f"{self.site.address}/api/auth/{path}", json=body, headers=headers)

    def subscribe(self, plan: str) -> None:
        """Subscribe through Checkout, whose page leads back to the site."""
        url = self.upgrade(plan)
        page = self.web.post(url, data=CARD)
        assert str(page.url) == f"{self.site.address}/bought"

    def upgrade(self, plan: str) -> str:
        urls = {"successUrl": "/bought", "cancelUrl": "/left", "returnUrl": "/account"}
        found: str = self.post("subscription/upgrade", plan=plan, **urls)["url"]
        return found

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.web.get(
            f"{self.site.address}/api/auth/subscription/list"
        ).json()
        return found

    @property
    def row(self) -> dict[str, Any]:
        return self.site.subscription(self.email)


@pytest.fixture
def web() -> Iterator[httpx2.Client]:
    with httpx2.Client(follow_redirects=True, timeout=60) as client:
        yield client


@pytest.fixture
def own_simulator() -> Iterator[Simulator]:
    """A simulator whose clock shows the real time, because better-auth compares times
    with it.
    """
    with serving(Settings(free_port(), state=None, seed="peers", now=int(time.time()))) as running:
        yield running


@pytest.fixture
def shop(own_simulator: Simulator) -> Shop:
    return Shop(own_simulator.client().v1)


@pytest.fixture
def site(own_simulator: Simulator, shop: Shop, database: Callable[[str], URL]) -> Iterator[Site]:
    environments.node_in(FOLDER)
    made = Site(f"http://127.0.0.1:{free_port()}", database("better_auth"), own_simulator)
    hook: Any = {"url": f"{made.address}/api/auth/stripe/webhook", "enabled_events": ["*"]}
    plans = [
        {"name": "basic", "priceId": shop.price(1000)},
        {"name": "pro", "priceId": shop.price(3000)},
        {"name": "tried", "priceId": shop.price(2000), "freeTrial": {"days": 14}},
    ]
    told = {
        "address": made.address,
        "database": made.database.set(drivername="postgresql").render_as_string(
            hide_password=False
        ),
        "key": KEY,
        "plans": plans,
        "secret": shop.v1.webhook_endpoints.create(hook).secret,
        "stripe": own_simulator.url,
    }
    with _running(made.address, environments.environment(SITE=json.dumps(told))):
        yield made


@contextlib.contextmanager
def _running(address: str, variables: dict[str, str]) -> Iterator[None]:
    command = ["node", "server.mjs"]
    with subprocess.Popen(command, cwd=FOLDER, env=variables) as server:
        try:
            deadline = time.monotonic() + READY_SECONDS
            while time.monotonic() < deadline:
                assert server.poll() is None, "the site has ended"
                with contextlib.suppress(httpx2.TransportError):
                    httpx2.get(address, timeout=5)
                    break
                time.sleep(0.1)
            else:
                pytest.fail("the site does not answer")
            yield
        finally:
            server.terminate()


def test_bought_upgraded_and_cancelled(site: Site, shop: Shop, web: httpx2.Client) -> None:
    ada = Person(site, web, "ada@example.com")
    ada.subscribe("basic")
    assert (ada.row["plan"], ada.row["status"]) == ("basic", "active")
    assert [(one["plan"], one["status"]) for one in ada.listed()] == [("basic", "active")]
    (customer,) = shop.v1.customers.list({"email": "ada@example.com"}).data
    assert customer.name == "Ada Lovelace"  # typed at Checkout (`customer_update`)

    page = ada.web.get(ada.upgrade("pro"))
    assert "<h1>Confirm your change</h1>" in page.text
    change = str(page.url).partition("/preview")[0] + "/change"
    page = ada.web.post(change, data={"price": shop.price(3000)})
    assert str(page.url) == f"{site.address}/account"
    assert (ada.row["plan"], ada.row["status"]) == ("pro", "active")

    page = ada.web.get(ada.post("subscription/cancel", returnUrl="/account")["url"])
    assert "<h1>Cancel subscription</h1>" in page.text
    ada.web.post(str(page.url), data={})
    assert ada.row["cancelAtPeriodEnd"] or ada.row["cancelAt"]
    again = ada.ask("subscription/cancel", {"returnUrl": "/account"})
    assert "already set to be canceled" in again.text
    site.wait(32 * DAY)
    assert (ada.row["status"], ada.row["plan"]) == ("canceled", "pro")
    assert ada.listed() == []


def renew(site: Site, shop: Shop, person: Person) -> None:
    """Go past the end of the period in two steps.

    If two events were sent at the same moment, the older event might arrive last.
    Stripe begins the new period immediately, and charges the invoice an hour later.
    """
    (item,) = shop.v1.subscriptions.retrieve(person.row["stripeSubscriptionId"])["items"].data
    for seconds in (60, 2 * HOUR):
        site.wait_until(item.current_period_end + seconds)


def test_tried_renewed_and_not_paid(site: Site, shop: Shop, web: httpx2.Client) -> None:
    bob = Person(site, web, "bob@example.com")
    bob.subscribe("tried")
    row = bob.row
    assert (row["status"], row["trialEnd"] - row["trialStart"]) == (
        "trialing",
        row["periodEnd"] - row["periodStart"],
    )
    trial_end = row["trialEnd"]
    site.wait(14 * DAY + 30 * 60)
    site.wait(2 * HOUR)
    assert (bob.row["status"], bob.row["periodStart"]) == ("active", trial_end)

    first_end = bob.row["periodEnd"]
    renew(site, shop, bob)
    assert (bob.row["status"], bob.row["periodStart"]) == ("active", first_end)
    paid = shop.v1.invoices.list({"subscription": bob.row["stripeSubscriptionId"]}).data
    assert [invoice.total for invoice in paid] == [2000, 2000, 0]

    subscription = shop.v1.subscriptions.retrieve(bob.row["stripeSubscriptionId"])
    card = shop.give_card(str(subscription.customer), "pm_card_chargeCustomerFail")
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": card})
    renew(site, shop, bob)
    assert bob.row["status"] == "past_due"
