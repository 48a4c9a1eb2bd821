"""The simulator's responses compile with the types of stripe-node.

The responses come from a shop in which everything happens once.
"""

from typing import Any

import pytest

from simulator.billing import checkout
from simulator.billing.checkout import CardForm
from simulator.state.kinds import KINDS
from tests.simulator import stripe_node
from tests.simulator.once import everything_happens
from tests.simulator.shop import Shop
from tests.simulator.test_every_kind import LISTS, kinds_in, read
from tests.simulator.test_fidelity import COUPON, PRICE, listed

pytestmark = [pytest.mark.slow, pytest.mark.only("sqlite")]
EXPANDED = {
    "customers": ("default_source", "invoice_settings.default_payment_method", "test_clock"),
    "checkout/sessions": (
        "line_items", "customer", "subscription", "invoice", "payment_intent", "setup_intent",
    ),
    "subscriptions": (
        "customer", "default_payment_method", "latest_invoice", "pending_setup_intent",
        "discounts", "test_clock",
    ),
    "invoices": (
        "customer", "default_payment_method", "discounts", "payments", "lines.data.discounts",
    ),
    "charges": ("customer", "payment_intent", "refunds"),
    "payment_intents": ("customer", "latest_charge", "payment_method"),
    "setup_intents": ("customer", "payment_method"),
    "prices": ("product",),
    "products": ("default_price",),
    "promotion_codes": ("customer",),
    "refunds": ("charge", "payment_intent"),
    "disputes": ("charge", "payment_intent"),
}  # fmt: skip


@pytest.fixture
def shop(v1):
    return Shop(v1)


@pytest.fixture
def press(simulator):
    def pressed(session, number):
        form = CardForm(number, 12, 2030, "123", "ada@example.com", "Ada") if number else None
        with simulator.store.work() as work:
            checkout.pay(work, work.get("checkout.session", session.id), form, None)

    return pressed


def test_what_is_not_as_stripe_node_says_is_noticed(tmp_path):
    event = {
        "id": "evt_1",
        "object": "event",
        "api_version": None,
        "created": 1,
        "data": {"object": COUPON | {"valid": None}, "previous_attributes": {"name": "Nine"}},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": "coupon.updated",
    }
    wrong = [
        listed(COUPON | {"applies_to": None}, PRICE),  # may be absent or an object, but not null
        {name: value for name, value in COUPON.items() if name != "redeem_by"},  # null, or a number
        PRICE | {"unit_amount_decimal": 1000},
        COUPON | {"discount": 5},
        event,
    ]
    assert [flaw.partition(" TS")[0] for flaw in stripe_node.flaws(wrong, tmp_path)] == [
        'coupon: "applies_to": null',
        'coupon: "discount": 5',
        "coupon: Json<Stripe.Coupon> = {",
        'event: "valid": null',
        'price: "unit_amount_decimal": 1000',
    ]
    good = [listed(COUPON, PRICE), {"id": "TEN", "object": "coupon", "deleted": True}]
    assert stripe_node.flaws([*good, event | {"data": {"object": COUPON}}], tmp_path) == []


def test_every_answer_has_the_type_that_stripe_node_gives_it(simulator, shop, v1, press, tmp_path):
    """An absent field is not the same as a null field. stripe-python calls both
    `Optional`, but dj-stripe or a page in TypeScript fails if a response confuses them.
    """
    kept: list[Any] = []
    simulator.faithful.kept = kept
    everything_happens(simulator, shop, v1, press)
    for path in LISTS:
        read(simulator, path if "?" in path else f"{path}?limit=100")
    last, more = "", True
    while more:
        page = read(simulator, f"events?limit=100{last and f'&starting_after={last}'}")
        last, more = page["data"][-1]["id"], page["has_more"]
    for path, names in EXPANDED.items():
        read(simulator, f"{path}?limit=100&" + "&".join(f"expand[]=data.{name}" for name in names))
    simulator.faithful.kept = None
    assert {kind for kind in KINDS if not kind.startswith("_")} <= kinds_in(kept)
    flaws = stripe_node.flaws(kept, tmp_path)
    assert not flaws, "\n".join(flaws)
