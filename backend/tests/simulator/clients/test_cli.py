"""Stripe's command-line program, which uses the simulator as its `--api-base`.

The npm package `@stripe/cli` only starts the program, which is in the npm package of
each platform. This test uses that package.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.conftest import KEY, Simulator
from tests.support import npm

FOLDER = Path(__file__).parent
PROGRAM = FOLDER / "node_modules" / "@stripe" / "cli-linux-x64" / "bin" / "stripe"

Cli = Callable[..., str]


@pytest.fixture
def cli(simulator: Simulator, tmp_path: Path) -> Cli:
    """`cli("get", "/v1/…")` runs the program, and returns what the program printed.

    The program has separate settings here, and sends no telemetry.
    """
    npm.install(FOLDER)
    if not PROGRAM.exists():
        npm.unavailable("the lock has Stripe's command line for Linux on x86-64 alone")

    def run(*arguments: str) -> str:
        command = [str(PROGRAM), *arguments, "--api-base", simulator.url]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "STRIPE_API_KEY": KEY}
        environment |= {"STRIPE_CLI_TELEMETRY_OPTOUT": "1", "STRIPE_DEVICE_NAME": "tests"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_a_subscription_by_hand(cli):
    def made(*arguments: str) -> Any:
        printed = cli(*arguments)
        return json.loads(
            printed[printed.index("{") :]
        )  # before deleting, the program prints the name of the account

    product = made("products", "create", "--name=Shell")
    price = made(
        *("prices", "create", "--currency=usd", "--unit-amount=700", f"--product={product['id']}"),
        *("-d", "recurring[interval]=month", "-d", "metadata[from]=shell"),
    )
    assert price["metadata"] == {"from": "shell"}
    customer = made(
        "customers", "create", "--email=shell@example.com", "--payment-method=pm_card_visa"
    )
    card = made("payment_methods", "list", f"--customer={customer['id']}")["data"][0]
    subscription = made(
        *(
            "subscriptions",
            "create",
            f"--customer={customer['id']}",
            f"--default-payment-method={card['id']}",
        ),
        *("-d", f"items[0][price]={price['id']}", "-e", "latest_invoice"),
    )
    assert (subscription["status"], subscription["latest_invoice"]["total"]) == ("active", 700)
    ending = made("subscriptions", "update", subscription["id"], "-d", "cancel_at_period_end=true")
    assert ending["cancel_at_period_end"] is True
    ended = made("subscriptions", "cancel", subscription["id"], "--confirm")
    assert ended["status"] == "canceled"
    assert made("get", f"/v1/subscriptions/{subscription['id']}") == ended
    missing = made("get", "/v1/customers/cus_unknown")
    assert missing["error"]["code"] == "resource_missing"


@pytest.mark.parametrize(
    "event",
    [
        "billing_portal.session.created",
        "checkout.session.expired",
        "customer.created",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
        "invoice.marked_uncollectible",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.voided",
        "payment_method.attached",
        "setup_intent.requires_action",
        "test_helpers.test_clock.ready",
    ],
)
def test_the_recipes_of_stripe_trigger_lead_to_their_events(cli, v1, simulator, event):
    """`stripe trigger` sends Stripe's own requests, which were written for the real
    API.
    """
    cli("trigger", event)
    simulator.settle()
    simulator.advance(seconds=1)  # some events come a second later
    assert v1.events.list({"type": event}).data != []


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("payment_intent.succeeded", "Received unknown parameter: payment_method_types"),
        ("promotion_code.created", "Received unknown parameter: coupon"),
        ("invoice.sent", "it sends no invoices"),
        ("checkout.session.completed", "payment_intent_data\\[shipping\\]"),
    ],
)
def test_recipes_that_cannot_succeed_are_told_why(cli, event, why):
    """Some recipes use parameters that this version of the API no longer has.

    Other recipes need features that the simulator does not have. Each of these recipes
    fails with a clear reason, and none pretends to succeed.
    """
    with pytest.raises(AssertionError, match=why):
        cli("trigger", event)
