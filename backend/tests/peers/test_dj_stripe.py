"""dj-stripe 2.11 copies the whole account to Django's models.

dj-stripe copies with a full sync, and again after every event.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import URL

from tests.peers import environments
from tests.peers.account import at_stripe
from tests.peers.world import Business
from tests.simulator.conftest import Simulator
from tests.support.server import free_port

pytestmark = [pytest.mark.long, pytest.mark.only("postgresql")]

FOLDER = environments.PEERS / "djstripe_site"
READY_SECONDS = 120
THEIR_OWN = (
    "  Error listing AccountV2",  # dj-stripe asks api.stripe.com, not STRIPE_API_HOST
    "  Error listing ActiveEntitlement",  # dj-stripe does not send the required customer
    "  Error listing TaxId: InvalidRequestError(message='Received unknown parameter: id'",
    # dj-stripe cannot store the objects of its own stripe-python.
    "  Error syncing US: TypeError",
    "  Error syncing evt_",  # the same problem with `request`, in events that a call caused
)
"""Errors of dj-stripe 2.11 that the real Stripe causes, too."""
LONG_KEY = "sk_test_" + 24 * "0"  # dj-stripe accepts no shorter key
LISTS = {
    "Charge": "charges",
    "Coupon": "coupons",
    "Customer": "customers",
    "Dispute": "disputes",
    "Invoice": "invoices",
    "InvoiceItem": "invoiceitems",
    "PaymentIntent": "payment_intents",
    "Price": "prices",
    "Product": "products",
    "PromotionCode": "promotion_codes",
    "Refund": "refunds",
    "SetupIntent": "setup_intents",
    "Subscription": "subscriptions?status=all&",
}
STATE = {
    "Charge": ("status", "amount", "amount_refunded", "disputed"),
    "Dispute": ("status", "amount"),
    "Invoice": ("status", "total", "amount_paid", "billing_reason"),
    "PaymentIntent": ("status", "amount"),
    "Refund": ("status", "amount"),
    "SetupIntent": ("status",),
    "Subscription": ("status", "cancel_at", "ended_at", "trial_end"),
}


@dataclass
class Site:
    """The Django site. `manage` runs one of its commands."""

    python: Path
    variables: dict[str, str]

    def manage(self, *arguments: str) -> str:
        command = [str(self.python), "-W", "ignore", "-m", "django", *arguments]
        return environments.run(command, FOLDER, self.variables)

    def sync(self) -> list[str]:
        """Copy everything, and return the lines that report a problem."""
        command = [str(self.python), "-W", "ignore", "-m", "django", "djstripe_sync_models"]
        done = subprocess.run(
            [*command, "--no-fail-on-error"],
            cwd=FOLDER,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stderr.splitlines() if line.strip()]

    def script(self, name: str, *arguments: str) -> str:
        return environments.run([str(self.python), name, *arguments], FOLDER, self.variables)

    def state(self) -> Any:
        return json.loads(self.script("state.py"))


@pytest.fixture
def site(simulator: Simulator, database: Callable[[str], URL]) -> Site:
    url = database("djstripe")
    variables = environments.environment(
        DJANGO_SETTINGS_MODULE="settings",
        DB_HOST=str(url.query.get("host", url.host or "")),
        DB_PORT=str(url.port or ""),
        DB_USER=url.username or "",
        DB_PASSWORD=url.password or "",
        DB_NAME=url.database or "",
        PYTHONPATH=str(FOLDER),
        STRIPE_API_BASE=simulator.url,
        STRIPE_SECRET_KEY=LONG_KEY,
    )
    made = Site(environments.python_in(FOLDER), variables)
    made.manage("migrate", "--run-syncdb", "--verbosity=0")
    return made


@pytest.fixture
def served(site: Site) -> Iterator[Site]:
    """Run the site as a server, and register its webhook endpoint at Stripe."""
    address = f"http://127.0.0.1:{free_port()}"
    command = [str(site.python), "-W", "ignore", "-m", "django", "runserver", "--noreload"]
    log = subprocess.DEVNULL
    place = address.removeprefix("http://")
    with subprocess.Popen(
        [*command, place], cwd=FOLDER, env=site.variables, stdout=log, stderr=log
    ) as server:
        try:
            _until_it_answers(address, server)
            site.script("endpoint.py", address)
            yield site
        finally:
            server.terminate()


def _until_it_answers(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, "the site has ended"
        try:
            httpx2.get(address, timeout=5)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the site does not answer")


def assert_the_same(simulator: Simulator, copied: dict[str, Any]) -> None:
    """Assert that dj-stripe has the same objects of each kind as Stripe.

    The important fields must also be equal.
    """
    for model, path in LISTS.items():
        theirs, ours = at_stripe(simulator, path), copied[model]
        living = {key for key, row in ours.items() if not row.get("deleted")}
        assert living == theirs.keys(), model
        for identity, one in theirs.items():
            for name in STATE.get(model, ()):
                assert ours[identity].get(name) == one[name], (model, identity, name)


def test_a_full_sync_copies_everything(site: Site, simulator: Simulator, v1: Any) -> None:
    business = Business(v1, simulator).run()
    wrong = site.sync()
    errors = [line for line in wrong if line.startswith("  Error")]
    assert [line for line in errors if not line.startswith(THEIR_OWN)] == []
    copied = site.state()["models"]
    assert_the_same(simulator, copied)
    assert list(copied["Account"]) == [v1.accounts.retrieve_current().id]
    told = {
        name: copied["Subscription"][one]["status"] for name, one in business.subscriptions.items()
    }
    assert told == {
        "active": "active",
        "trialing": "trialing",
        "discounted": "active",
        "past_due": "past_due",
        "ending": "canceled",
        "canceled": "canceled",
        "upgraded": "active",
        "disputed": "active",
        "incomplete": "incomplete_expired",
    }


def test_every_event_arrives_and_leads_to_the_same(
    served: Site, simulator: Simulator, v1: Any
) -> None:
    Business(v1, simulator).run()
    state = served.state()
    failed = [one for one in state["triggers"] if not one["processed"]]
    assert failed == []
    events = at_stripe(simulator, "events")  # Stripe lists the events of the last 30 days
    assert events.keys() <= state["models"]["Event"].keys()
    assert len(state["triggers"]) == len(state["models"]["Event"])
    assert_the_same(simulator, state["models"])
