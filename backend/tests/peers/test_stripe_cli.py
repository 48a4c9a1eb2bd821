"""Stripe's command line from npm: @stripe/cli, whose script starts the program.

`tests/simulator/clients` has more tests of that program, and the recipes of `stripe
trigger`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.peers import environments
from tests.simulator.conftest import KEY, Simulator

pytestmark = [pytest.mark.long, pytest.mark.only("postgresql")]

FOLDER = environments.PEERS / "stripe_cli"
LENIENT = ("install", "--no-save")
"""`npm ci` needs the packages of all platforms, which some registries lack.
"""

Stripe = Callable[..., str]


@pytest.fixture
def stripe(simulator: Simulator, tmp_path: Path) -> Stripe:
    """`stripe("get", "/v1/…")` runs the program and returns what the program
    printed.
    """
    script = environments.node_in(FOLDER, LENIENT) / "@stripe" / "cli" / "bin" / "shim.js"
    variables = environments.environment(
        HOME=str(tmp_path),
        STRIPE_API_KEY=KEY,
        STRIPE_CLI_TELEMETRY_OPTOUT="1",
        STRIPE_DEVICE_NAME="tests",
    )

    def run(*arguments: str) -> str:
        command = ["node", str(script), *arguments, "--api-base", simulator.url]
        return environments.run(command, FOLDER, variables)

    return run


def answer(printed: str) -> Any:
    """Return the JSON that a call printed. A call that deletes prints the account
    before the JSON.
    """
    return json.loads(printed[printed.index("{") :])


def test_the_doors_of_a_seller(stripe: Stripe, v1: Any) -> None:
    assert stripe("version").startswith("stripe version 1.52.0")
    assert answer(stripe("get", "/v1/account"))["id"] == v1.accounts.retrieve_current().id
    product = answer(stripe("products", "create", "--name=Shell"))["id"]
    plan = answer(
        stripe(
            *("plans", "create", "--amount=700", "--currency=usd", "--interval=month"),
            *("-d", f"product={product}"),
        )
    )
    assert [one["id"] for one in answer(stripe("plans", "list"))["data"]] == [plan["id"]]
    customer = answer(
        stripe("customers", "create", "--email=shell@example.com", "--payment-method=pm_card_visa")
    )["id"]
    card = v1.payment_methods.list({"customer": customer}).data[0].id
    bought = answer(
        stripe(
            *(
                "subscriptions",
                "create",
                f"--customer={customer}",
                f"--default-payment-method={card}",
            ),
            *(
                "-d",
                f"items[0][price]={plan['id']}",
                "-e",
                "customer.tax",
                "-e",
                "customer.sources",
            ),
        )
    )
    assert (bought["status"], bought["customer"]["sources"]["data"]) == ("active", [])
    flow = answer(
        stripe(
            *("billing_portal", "sessions", "create", f"--customer={customer}"),
            *("-d", "flow_data[type]=subscription_cancel"),
            *("-d", f"flow_data[subscription_cancel][subscription]={bought['id']}"),
        )
    )
    assert flow["url"].endswith("/flow")
    for name in (
        "tax_rates",
        "tax_ids",
        "credit_notes",
        "payouts",
        "balance_transactions",
        "reviews",
    ):
        assert answer(stripe("get", f"/v1/{name}"))["data"] == []
    assert answer(stripe("get", "/v1/radar/early_fraud_warnings"))["data"] == []
    assert (
        answer(stripe("subscriptions", "cancel", bought["id"], "--confirm"))["status"] == "canceled"
    )


@pytest.mark.parametrize("event", ["customer.subscription.updated", "invoice.payment_failed"])
def test_it_triggers_events(stripe: Stripe, v1: Any, simulator: Simulator, event: str) -> None:
    stripe("trigger", event)
    simulator.settle()
    assert v1.events.list({"type": event}).data != []
