"""The API returns an object of every kind that the simulator holds.

Every response in the tests is compared with Stripe's declarations. This test makes sure
that the comparison sees every kind of object.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from simulator.protocol.declared import class_of, hints_of, is_object, parts_of
from simulator.protocol.expansion import MAX_DEPTH
from simulator.state.kinds import KINDS
from tests.simulator.conftest import KEY
from tests.simulator.fidelity import flaws
from tests.support import patient


@pytest.fixture
def everything(v1):
    """A subscriber with a coupon, a refund and a dispute, and objects of all other
    kinds.
    """
    product = v1.products.create({"name": "Pro"})
    recurring = {"currency": "usd", "unit_amount": 2000, "recurring": {"interval": "month"}}
    price = v1.prices.create({"product": product.id, **recurring})
    coupon = v1.coupons.create({"percent_off": 10, "duration": "forever"})
    code = v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "TEN"}
    )
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_767_225_600})
    customer = v1.customers.create({"email": "ada@example.com", "test_clock": clock.id})
    card = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": card.id,
            "confirm": True,
            "usage": "off_session",
        }
    )
    v1.subscriptions.create(
        {
            "customer": customer.id,
            "default_payment_method": card.id,
            "items": [{"price": price.id}],
            "discounts": [{"promotion_code": code.id}],
        }
    )
    v1.subscription_schedules.create(
        {"customer": customer.id, "phases": [{"items": [{"price": price.id}]}]}
    )
    v1.invoice_items.create({"customer": customer.id, "amount": 500, "currency": "usd"})
    v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": "http://127.0.0.1/",
        }
    )
    v1.billing_portal.sessions.create({"customer": customer.id, "return_url": "http://127.0.0.1/"})
    (charge,) = v1.charges.list().data
    v1.refunds.create({"charge": charge.id, "amount": 100})
    v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})


def read(simulator, path: str) -> Any:
    headers = {"Authorization": f"Bearer {KEY}"}
    return patient.get(f"{simulator.url}/v1/{path}", headers=headers).json()


def kinds_in(answer: Any) -> set[str]:
    """Return the kinds of all objects inside a value, at any depth."""
    if isinstance(answer, list):
        return set().union(*map(kinds_in, answer))
    if not isinstance(answer, dict):
        return set()
    own = {answer["object"]} if isinstance(answer.get("object"), str) else set()
    return own.union(*map(kinds_in, answer.values()))


LISTS = (
    "billing_portal/configurations",
    "charges",
    "checkout/sessions",
    "coupons",
    "customers",
    "disputes",
    "events?limit=100",
    "invoice_payments",
    "invoiceitems",
    "invoices",
    "payment_intents",
    "payment_methods",
    "prices",
    "products",
    "promotion_codes",
    "refunds",
    "setup_intents",
    "subscription_schedules",
    "subscriptions",
    "test_helpers/test_clocks",
    "webhook_endpoints",
)


def test_nothing_that_is_kept_was_never_compared(everything, simulator, v1):
    charge = v1.charges.list().data[0]
    simulator.control("disputes", charge=charge.id)
    subscription = v1.subscriptions.list().data[0]
    answers = [read(simulator, path) for path in LISTS]
    answers += [
        read(
            simulator,
            f"subscriptions/{subscription.id}?expand[]=discounts&expand[]=latest_invoice.payments",
        )
    ]
    answers += [read(simulator, f"invoices/{subscription.latest_invoice}/lines")]
    customer = str(subscription.customer)
    session = v1.billing_portal.sessions.create(
        {"customer": customer, "return_url": "http://127.0.0.1/"}
    )
    answers += [session.to_dict()]
    assert [flaw for answer in answers for flaw in flaws(answer)] == []
    kept = {kind for kind in KINDS if not kind.startswith("_")}
    assert kept - kinds_in(answers) == set()
    for path, answer in zip(LISTS, answers, strict=False):
        assert answer["data"], path


def expandable(declared: type, outer: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every path of fields that leads from an object to another object, according
    to Stripe.
    """
    for name, hint in hints_of(declared).items():
        here = (*outer, name)
        for part in parts_of(hint):
            if is_object(part):
                yield ".".join(here)
            elif isinstance(part, type) and len(here) < MAX_DEPTH - 1:
                yield from expandable(part, here)


@pytest.mark.slow
@pytest.mark.parametrize("path", LISTS)
def test_whatever_is_declared_expandable_can_be_expanded(everything, simulator, path):
    simulator.control("disputes", charge=read(simulator, "charges")["data"][0]["id"])
    kind = read(simulator, path)["data"][0]["object"]
    for field in sorted(set(expandable(class_of(kind)))):
        answer = read(simulator, f"{path}{'&' if '?' in path else '?'}expand[]=data.{field}")
        assert flaws(answer) == [], (field, answer)
        assert "error" not in answer, (field, answer["error"]["message"])
