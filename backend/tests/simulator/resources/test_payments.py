"""Payment intents and setup intents."""

import pytest
import stripe

from tests.simulator.shop import error_of, pay, types


def test_a_payment_without_an_invoice(v1):
    intent = pay(v1, "pm_card_visa", description="A mug", metadata={"order": "7"})
    assert (intent.status, intent.amount_received) == ("succeeded", 1500)
    charge = v1.charges.retrieve(intent.latest_charge)
    assert (charge.description, charge.metadata["order"], charge.payment_intent) == (
        "A mug",
        "7",
        intent.id,
    )
    assert charge.payment_method_details.card.last4 == "4242"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_declines(v1, card, code, decline_code):
    with pytest.raises(stripe.CardError) as refused:
        pay(v1, card)
    error = error_of(refused)
    assert (refused.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    intent = v1.payment_intents.retrieve(error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.code == code
    assert v1.charges.retrieve(error.charge).status == "failed"


def test_the_same_intent_can_be_tried_with_another_card(v1):
    with pytest.raises(stripe.CardError) as refused:
        pay(v1, "pm_card_chargeDeclined")
    again = v1.payment_intents.confirm(
        error_of(refused).payment_intent.id, {"payment_method": "pm_card_visa"}
    )
    assert (again.status, again.last_payment_error) == ("succeeded", None)
    assert [charge.status for charge in v1.charges.list({"payment_intent": again.id}).data] == [
        "succeeded",
        "failed",
    ]
    with pytest.raises(stripe.InvalidRequestError) as late:
        v1.payment_intents.confirm(again.id)
    assert late.value.code == "payment_intent_unexpected_state"


def test_3d_secure_names_where_to_go_and_how_to_come_back(v1):
    intent = pay(v1, "pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    assert intent.status == "requires_action"
    assert intent.next_action.redirect_to_url.return_url == "https://shop.example/back"


def test_without_the_customer_there_is_nobody_to_ask(v1):
    with pytest.raises(stripe.CardError) as refused:
        pay(v1, "pm_card_authenticationRequired", off_session=True)
    assert refused.value.code == "authentication_required"


def test_a_card_pays_for_its_own_customer_alone(shop, v1):
    ada, bob = shop.customer(card=None), shop.customer(card=None)
    card = shop.give_card(ada, "pm_card_visa")
    assert pay(v1, card, customer=ada).status == "succeeded"
    for refused in (
        lambda: pay(v1, card),
        lambda: pay(v1, card, customer=bob),
        lambda: v1.setup_intents.create({"customer": bob, "payment_method": card, "confirm": True}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="belongs to a customer"):
            refused()
    subscription = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), shop.price(1000))
    with pytest.raises(stripe.InvalidRequestError, match="belongs to a customer"):
        v1.invoices.pay(shop.invoices(subscription.id)[0].id, {"payment_method": card})
    v1.payment_methods.detach(card)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(v1, card, customer=ada)


@pytest.mark.parametrize(
    "fields", [{"confirmation_method": "manual"}, {"error_on_requires_action": True}]
)
def test_what_would_change_how_it_ends_is_refused(v1, fields):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(v1, "pm_card_visa", **fields)
    assert refused.value.code == "simulator_unsupported"


def test_its_events_have_what_it_was_made_with(shop, v1):
    back = "https://shop.example/back"
    intent = pay(
        v1,
        "pm_card_threeDSecure2Required",
        description="A mug",
        metadata={"order": "7"},
        return_url=back,
    )
    kept = v1.setup_intents.create({"metadata": {"user": "7"}, "payment_method": "pm_card_visa"})
    events = shop.events()[-3:]
    assert types(events) == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "setup_intent.created",
    ]
    created, asked, prepared = (event.data.to_dict()["object"] for event in events)
    assert (created["metadata"], created["description"]) == ({"order": "7"}, "A mug")
    assert asked["next_action"]["redirect_to_url"]["return_url"] == back
    assert (asked["status"], prepared["status"]) == (intent.status, kept.status)
    assert prepared["metadata"] == {"user": "7"}


@pytest.mark.parametrize(
    ("currency", "amount"), [("usd", 49), ("gbp", 29), ("jpy", 49), ("huf", 17_499)]
)
def test_what_is_too_small_is_not_charged(v1, currency, amount):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(v1, "pm_card_visa", currency=currency, amount=amount)
    assert (refused.value.code, refused.value.param) == ("amount_too_small", "amount")
    assert pay(v1, "pm_card_visa", currency=currency, amount=amount + 1).status == "succeeded"


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("usd", 100_000_000, "amount_too_large"),
        ("idr", 1_000_000_000_000, "amount_too_large"),
        ("isk", 550, "parameter_invalid_integer"),
        ("ugx", 99_999, "parameter_invalid_integer"),
        ("kwd", 5_124, "parameter_invalid_integer"),
        ("xyz", 1000, None),
    ],
)
def test_nor_is_what_stripe_would_not_take(v1, currency, amount, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(v1, "pm_card_visa", currency=currency, amount=amount)
    assert (refused.value.code, refused.value.param) == (code, "amount" if code else "currency")


def test_a_way_back_is_a_whole_address(v1):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(v1, "pm_card_threeDSecure2Required", return_url="/back")
    assert (refused.value.code, refused.value.param) == ("url_invalid", "return_url")


def test_a_payment_can_keep_its_card(shop, v1):
    customer = shop.customer(card=None)
    intent = pay(v1, "pm_card_visa", customer=customer, setup_future_usage="off_session")
    assert v1.payment_methods.retrieve(intent.payment_method).customer == customer


def test_an_intent_can_be_canceled_but_not_that_of_an_invoice(shop, v1):
    intent = v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    assert v1.payment_intents.cancel(intent.id).status == "canceled"
    subscription = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), shop.price(1000))
    (invoice,) = v1.invoices.list(
        {"subscription": subscription.id, "expand": ["data.payments"]}
    ).data
    with pytest.raises(stripe.InvalidRequestError):
        v1.payment_intents.cancel(invoice.payments.data[0].payment.payment_intent)


def test_a_setup_intent_saves_a_card(shop, v1):
    customer = shop.customer(card=None)
    start = shop.last_event()
    intent = v1.setup_intents.create(
        {"customer": customer, "payment_method": "pm_card_visa", "confirm": True}
    )
    assert intent.status == "succeeded"
    assert v1.payment_methods.retrieve(intent.payment_method).customer == customer
    assert types(shop.events(start)) == [
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
    ]
    assert v1.setup_intents.list({"customer": customer}).data == [intent]


def test_a_setup_intent_may_ask_or_fail(shop, v1):
    customer = shop.customer(card=None)
    asks = v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "confirm": True,
        }
    )
    assert asks.status == "requires_action"
    assert v1.setup_intents.cancel(asks.id).status == "canceled"
    with pytest.raises(stripe.CardError) as refused:
        v1.setup_intents.create(
            {"customer": customer, "payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    failed = v1.setup_intents.retrieve(error_of(refused).setup_intent.id)
    assert (failed.status, failed.last_setup_error.decline_code) == (
        "requires_payment_method",
        "generic_decline",
    )
