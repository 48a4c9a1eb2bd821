"""If a subscription has nothing to pay yet, its card is set up for later payments.

`pending_setup_intent` is the setup that the customer still has to complete.
"""

import pytest
import stripe

from tests.simulator.shop import before, error_of, types
from tests.support import patient


@pytest.fixture
def start(shop):
    """Start a trial, with its setup intent expanded."""

    def started(card, **fields):
        wanted = {"trial_period_days": 14, "expand": ["pending_setup_intent"], **fields}
        return shop.subscribe(shop.customer(card), shop.price(1000), **wanted)

    return started


def test_a_trial_without_a_card_asks_for_one(shop, v1, start):
    asked = start(
        None,
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
    )
    intent = asked.pending_setup_intent
    assert (asked.status, intent.status, intent.usage) == (
        "trialing",
        "requires_payment_method",
        "off_session",
    )
    assert (intent.customer, intent.client_secret.startswith(intent.id)) == (asked.customer, True)
    (created,) = v1.events.list({"type": "customer.subscription.created"}).data
    assert created.data.object.pending_setup_intent == intent.id
    method, seen = (
        v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}),
        shop.last_event(),
    )
    v1.setup_intents.confirm(intent.id, {"payment_method": method.id})
    ready = v1.subscriptions.retrieve(asked.id)
    assert (ready.pending_setup_intent, ready.default_payment_method) == (None, method.id)
    events = shop.events(seen)
    assert types(events) == [
        "payment_method.attached",
        "setup_intent.succeeded",
        "customer.subscription.updated",
    ]
    assert before(events[-1]) == {"default_payment_method": None, "pending_setup_intent": intent.id}


def test_the_card_becomes_the_subscriptions_own_only_on_request(v1, start):
    asked = start(None)
    v1.setup_intents.confirm(asked.pending_setup_intent.id, {"payment_method": "pm_card_visa"})
    ready = v1.subscriptions.retrieve(asked.id)
    assert (ready.pending_setup_intent, ready.default_payment_method) == (None, None)


def test_a_card_that_needs_nobody_is_set_up_at_once(v1, start):
    assert start("pm_card_visa").pending_setup_intent is None
    (intent,) = v1.setup_intents.list().data
    assert intent.status == "succeeded"
    assert v1.events.list({"type": "customer.subscription.updated"}).data == []


def test_one_that_wants_3d_secure_waits_for_the_customer(v1, start):
    asked = start("pm_card_authenticationRequiredOnSetup")
    intent = asked.pending_setup_intent
    assert (asked.status, intent.status) == ("trialing", "requires_action")
    page = patient.post(intent.next_action.redirect_to_url.url, data={"outcome": "complete"})
    assert page.status_code < 400
    assert v1.setup_intents.retrieve(intent.id).status == "succeeded"
    assert v1.subscriptions.retrieve(asked.id).pending_setup_intent is None


def test_default_incomplete_leaves_the_card_to_the_customer(v1, start):
    asked = start("pm_card_visa", payment_behavior="default_incomplete")
    assert asked.pending_setup_intent.status == "requires_confirmation"
    v1.setup_intents.confirm(asked.pending_setup_intent.id)
    assert v1.subscriptions.retrieve(asked.id).pending_setup_intent is None


def test_a_card_that_was_set_up_before_is_not_set_up_again(v1, start, shop):
    customer = shop.customer()
    (card,) = v1.payment_methods.list({"customer": customer}).data
    v1.setup_intents.create({"customer": customer, "payment_method": card.id, "confirm": True})
    again = shop.subscribe(
        customer, shop.price(1000), trial_period_days=14, payment_behavior="default_incomplete"
    )
    assert again.pending_setup_intent is None
    assert len(v1.setup_intents.list().data) == 1


def test_a_card_that_is_declined_is_asked_for_anew(v1, start):
    asked = start(None, payment_behavior="default_incomplete")
    with pytest.raises(stripe.CardError) as refused:
        v1.setup_intents.confirm(
            asked.pending_setup_intent.id, {"payment_method": "pm_card_chargeDeclined"}
        )
    assert error_of(refused).setup_intent.status == "requires_payment_method"
    assert v1.subscriptions.retrieve(asked.id).pending_setup_intent == asked.pending_setup_intent.id


@pytest.mark.parametrize("free", ["price", "coupon", "balance"])
def test_whatever_makes_it_free_a_card_is_asked_for(v1, shop, free):
    price = shop.price(0 if free == "price" else 1000)
    customer = shop.customer(None, **({"balance": -5000} if free == "balance" else {}))
    fields = {}
    if free == "coupon":
        fields["discounts"] = [
            {"coupon": v1.coupons.create({"percent_off": 100, "duration": "once"}).id}
        ]
    made = shop.subscribe(customer, price, payment_behavior="default_incomplete", **fields)
    assert (made.status, v1.setup_intents.retrieve(made.pending_setup_intent).customer) == (
        "active",
        customer,
    )


def test_what_is_paid_at_once_leaves_nothing_to_set_up(v1, shop):
    paid = shop.subscribe(shop.customer(), shop.price(1000))
    unpaid = shop.subscribe(
        shop.customer(None), shop.price(1000), payment_behavior="default_incomplete"
    )
    assert (paid.pending_setup_intent, unpaid.pending_setup_intent) == (None, None)
    assert v1.setup_intents.list().data == []


def test_it_stays_when_the_subscription_ends(v1, start):
    asked = start(None)
    v1.subscriptions.cancel(asked.id)
    kept = v1.subscriptions.retrieve(asked.id, {"expand": ["pending_setup_intent"]})
    assert (kept.status, kept.pending_setup_intent.status) == (
        "canceled",
        "requires_payment_method",
    )
