"""@supabase/stripe-sync-engine fills PostgreSQL with all its 17 lists.

The engine uses an old version of Stripe's API.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text

from tests.peers import environments
from tests.peers.account import at_stripe
from tests.peers.world import Business
from tests.simulator.conftest import KEY, Simulator

pytestmark = [pytest.mark.long, pytest.mark.only("postgresql")]

FOLDER = environments.PEERS / "sync_engine"
LISTS = {
    "products": "products",
    "prices": "prices",
    "plans": "plans",
    "customers": "customers",
    "subscriptions": "subscriptions?status=all&",
    "subscriptionSchedules": "subscription_schedules",
    "invoices": "invoices",
    "charges": "charges",
    "setupIntents": "setup_intents",
    "paymentMethods": "payment_methods",
    "paymentIntents": "payment_intents",
    "taxIds": "tax_ids",
    "creditNotes": "credit_notes",
    "disputes": "disputes",
    "earlyFraudWarnings": "radar/early_fraud_warnings",
    "refunds": "refunds",
    "checkoutSessions": "checkout/sessions",
}
STATE = {
    "charges": "status",
    "disputes": "status",
    "invoices": "status",
    "payment_intents": "status",
    "refunds": "status",
    "setup_intents": "status",
    "subscriptions": "status",
}
ELSEWHERE = {"taxIds", "creditNotes", "earlyFraudWarnings"}


def test_all_lists_are_copied(
    simulator: Simulator, v1: Any, database: Callable[[str], URL]
) -> None:
    business = Business(v1, simulator).run()
    url = database("sync_engine")
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    environments.node_in(FOLDER)
    command = ["node", "backfill.mjs", simulator.url, address, KEY]
    told = json.loads(environments.run(command, FOLDER, environments.environment()))
    assert told["problems"] == []
    theirs = {name: at_stripe(simulator, path) for name, path in LISTS.items()}
    assert told["counts"] == {name: len(found) for name, found in theirs.items()}
    assert len(told["counts"]) == 17
    for name in ELSEWHERE:
        assert told["counts"][name] == 0
    kinds = {one["object"]: found for found in theirs.values() for one in found.values()}
    engine = create_engine(url)
    with engine.connect() as connection:
        for table, column in STATE.items():
            rows = connection.execute(text(f"SELECT id, {column}::text FROM stripe.{table}"))  # noqa: S608 - names of ours
            copied = {row[0]: row[1] for row in rows}
            wanted = next(found for kind, found in kinds.items() if f"{kind}s" == table)
            assert copied == {identity: one[column] for identity, one in wanted.items()}, table
        ended = connection.execute(
            text("SELECT status::text FROM stripe.subscriptions WHERE id = :id"),
            {"id": business.subscriptions["ending"]},
        ).scalar_one()
    engine.dispose()
    assert ended == "canceled"
