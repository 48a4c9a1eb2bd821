"""Payment and setup intents, charges, refunds and disputes."""

import pytest
import stripe

from tests.simulator.conftest import NOW
from tests.simulator.shop import DAY, before, error_of, types


@pytest.fixture
def charge(shop, v1):
    """A charge of 1000 for a subscription."""
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    return v1.charges.list({"customer": subscription.customer}).data[0]


def pay(v1, card, **fields):
    wanted = {"amount": 1500, "currency": "usd", "payment_method": card, "confirm": True, **fields}
    return v1.payment_intents.create(wanted)


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


class TestRefunds:
    def test_in_parts_and_whole(self, shop, v1, charge):
        start = shop.last_event()
        part = v1.refunds.create(
            {"charge": charge.id, "amount": 300, "reason": "requested_by_customer"}
        )
        assert (part.status, part.amount, part.charge, part.payment_intent) == (
            "succeeded",
            300,
            charge.id,
            charge.payment_intent,
        )
        rest = v1.refunds.create({"payment_intent": charge.payment_intent})
        assert rest.amount == 700
        now = v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
        assert (now.amount_refunded, now.refunded) == (1000, True)
        assert [refund.id for refund in now.refunds.data] == [rest.id, part.id]
        events = shop.events(start)
        assert types(events) == ["charge.refunded", "refund.created"] * 2
        assert before(events[0]) == {"amount_refunded": 0}
        assert before(events[2]) == {"amount_refunded": 300, "refunded": False}

    def test_no_more_than_was_paid(self, v1, charge):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.refunds.create({"charge": charge.id, "amount": 1001})
        assert refused.value.param == "amount"
        v1.refunds.create({"charge": charge.id})
        with pytest.raises(stripe.InvalidRequestError) as again:
            v1.refunds.create({"charge": charge.id})
        assert again.value.code == "charge_already_refunded"

    def test_some_cards_take_their_time(self, v1, simulator):
        refund = v1.refunds.create({"payment_intent": pay(v1, "pm_card_pendingRefund").id})
        assert refund.status == "pending"
        simulator.advance(seconds=DAY)
        assert v1.refunds.retrieve(refund.id).status == "succeeded"

    def test_and_some_refuse(self, shop, v1, simulator):
        intent = pay(v1, "pm_card_refundFail")
        refund = v1.refunds.create({"payment_intent": intent.id})
        assert refund.status == "succeeded"
        simulator.advance(seconds=DAY)
        assert v1.refunds.retrieve(refund.id).status == "failed"
        assert v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
        assert types(shop.events())[-3:] == ["refund.updated", "charge.updated", "refund.failed"]

    def test_a_pending_one_can_be_canceled(self, v1):
        refund = v1.refunds.create({"payment_intent": pay(v1, "pm_card_pendingRefund").id})
        assert v1.refunds.cancel(refund.id).status == "canceled"


class TestDisputes:
    def test_by_a_test_card(self, shop, v1, simulator):
        intent = pay(v1, "pm_card_createDispute")
        start = shop.last_event()
        simulator.advance(seconds=60)
        (dispute,) = v1.disputes.list({"charge": intent.latest_charge}).data
        assert (dispute.status, dispute.reason, dispute.amount) == (
            "needs_response",
            "fraudulent",
            1500,
        )
        assert v1.charges.retrieve(intent.latest_charge).disputed
        assert types(shop.events(start)) == [
            "charge.dispute.created",
            "charge.updated",
            "charge.dispute.funds_withdrawn",
        ]
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.refunds.create({"charge": intent.latest_charge})
        assert refused.value.code == "charge_disputed"

    @pytest.mark.parametrize("status", ["won", "lost"])
    def test_evidence_decides(self, shop, simulator, charge, status):
        v1, words = shop.v1, {"won": "winning_evidence", "lost": "losing_evidence"}[status]
        opened = simulator.control("disputes", charge=charge.id, reason="product_not_received")
        answered = v1.disputes.update(opened["id"], {"evidence": {"uncategorized_text": words}})
        assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
        start = shop.last_event()
        simulator.advance(seconds=DAY)
        assert v1.disputes.retrieve(opened["id"]).status == status
        assert types(shop.events(start))[0] == "charge.dispute.closed"

    def test_evidence_can_wait_to_be_submitted(self, v1, simulator, charge):
        opened = simulator.control("disputes", charge=charge.id)
        kept = v1.disputes.update(
            opened["id"], {"evidence": {"customer_name": "Ada"}, "submit": False}
        )
        assert (kept.status, kept.evidence.customer_name) == ("needs_response", "Ada")
        assert kept.evidence_details.has_evidence

    def test_without_an_answer_it_is_lost(self, v1, simulator, charge):
        opened = simulator.control("disputes", charge=charge.id)
        due_by = v1.disputes.retrieve(opened["id"]).evidence_details.due_by
        assert NOW + 9 * DAY <= due_by < NOW + 10 * DAY
        simulator.advance(to=due_by)
        lost = v1.disputes.retrieve(opened["id"])
        assert (lost.status, lost.evidence_details.past_due) == ("lost", True)

    def test_to_close_it_is_to_give_in(self, v1, simulator, charge):
        opened = simulator.control("disputes", charge=charge.id)
        assert v1.disputes.close(opened["id"]).status == "lost"
        with pytest.raises(stripe.InvalidRequestError):
            v1.disputes.close(opened["id"])

    def test_the_bank_can_be_played(self, shop, simulator, charge):
        opened = simulator.control("disputes", charge=charge.id)
        assert simulator.control(f"disputes/{opened['id']}/close", won=True)["status"] == "won"
        assert types(shop.events())[-2:] == [
            "charge.dispute.closed",
            "charge.dispute.funds_reinstated",
        ]

    def test_a_verdict_comes_at_the_customers_own_time(self, shop, v1, simulator):
        clock = v1.test_helpers.test_clocks.create({"frozen_time": NOW + 100 * DAY})
        shop.subscribe(shop.customer(test_clock=clock.id), shop.price(1000))
        opened = simulator.control("disputes", charge=v1.charges.list().data[0].id)
        simulator.control(f"disputes/{opened['id']}/close", won=False)
        assert {event.created for event in shop.events()[-3:]} == {NOW + 100 * DAY}

    def test_an_inquiry_moves_no_money(self, shop, v1, simulator, charge):
        start = shop.last_event()
        opened = simulator.control("disputes", charge=charge.id, inquiry=True)
        assert opened["status"] == "warning_needs_response"
        assert "charge.dispute.funds_withdrawn" not in types(shop.events(start))
        assert v1.refunds.create({"charge": charge.id}).status == "succeeded"
