import pytest
import stripe

from tests.simulator.conftest import NOW
from tests.simulator.shop import HOUR, amounts, at, error_of, types


@pytest.fixture
def draft(shop, simulator):
    """The draft of a renewal on February 1."""
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    simulator.advance(to=at("2026-02-01"))
    return shop.invoices(subscription.id)[-1]


@pytest.fixture
def unpaid(shop):
    """An open invoice whose card was declined."""
    subscription = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), shop.price(1000))
    return shop.invoices(subscription.id)[0]


def test_a_draft_can_be_finalised_by_hand(v1, draft):
    paid = v1.invoices.finalize_invoice(draft.id)
    assert (paid.status, paid.status_transitions.finalized_at) == ("paid", at("2026-02-01"))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.invoices.finalize_invoice(draft.id)
    assert refused.value.code == "invoice_not_editable"


def test_without_auto_advance_it_stays_a_draft(v1, simulator, draft):
    kept = v1.invoices.update(draft.id, {"auto_advance": False})
    assert (kept.automatically_finalizes_at, kept.next_payment_attempt) == (None, None)
    simulator.advance(seconds=2 * HOUR)
    assert v1.invoices.retrieve(draft.id).status == "draft"
    assert v1.invoices.pay(draft.id).status == "paid"


def test_a_draft_says_when_its_payment_will_be_tried(v1, simulator, draft):
    assert draft.next_payment_attempt == at("2026-02-01T01:00")
    (created,) = v1.events.list({"type": "invoice.created"}).data
    assert created.data.object.next_payment_attempt == at("2026-02-01T01:00")
    v1.invoices.update(draft.id, {"auto_advance": False})
    simulator.advance(seconds=5 * HOUR)
    assert v1.invoices.update(draft.id, {"auto_advance": True}).next_payment_attempt == at(
        "2026-02-01T06:00"
    )
    simulator.advance(seconds=HOUR)
    (finalized,) = v1.events.list({"type": "invoice.finalized"}).data
    assert finalized.data.object.next_payment_attempt is None
    assert v1.invoices.retrieve(draft.id).status == "paid"


def test_without_auto_advance_a_failed_payment_is_not_retried(v1, shop, simulator, draft):
    shop.give_card(draft.customer, "pm_card_chargeCustomerFail")
    simulator.advance(seconds=HOUR)
    assert v1.invoices.retrieve(draft.id).next_payment_attempt == at("2026-02-04T01:00")
    assert v1.invoices.update(draft.id, {"auto_advance": False}).next_payment_attempt is None
    simulator.advance(to=at("2026-02-05"))
    assert v1.invoices.retrieve(draft.id).attempt_count == 1
    again = v1.invoices.update(draft.id, {"auto_advance": True})
    assert again.next_payment_attempt == at("2026-02-08")
    simulator.advance(to=at("2026-02-08"))
    assert v1.invoices.retrieve(draft.id).attempt_count == 2


def test_what_a_deleted_customer_leaves_open_stops_no_clock(v1, simulator):
    customer = v1.customers.create().id
    v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd"})
    draft = v1.invoices.create(
        {"customer": customer, "auto_advance": True, "pending_invoice_items_behavior": "include"}
    )
    v1.customers.delete(customer)
    simulator.advance(seconds=2 * HOUR)
    kept = v1.invoices.retrieve(draft.id)
    assert (kept.status, kept.auto_advance, kept.automatically_finalizes_at) == (
        "draft",
        False,
        None,
    )
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        v1.invoices.finalize_invoice(draft.id)


def test_numbers_count_for_each_customer(shop):
    first, second = shop.customer(), shop.customer()
    numbers = [
        shop.invoices(shop.subscribe(customer, shop.price(1000)).id)[0].number
        for customer in (first, first, second)
    ]
    prefixes = [number.split("-")[0] for number in numbers]
    assert [number.split("-")[1] for number in numbers] == ["0001", "0002", "0001"]
    assert prefixes[0] == prefixes[1] != prefixes[2]


def test_pages_of_an_open_invoice_have_addresses(simulator, unpaid):
    assert unpaid.hosted_invoice_url.startswith(f"{simulator.url}/i/")
    assert unpaid.invoice_pdf == f"{unpaid.hosted_invoice_url}/pdf"


def test_a_decline_says_why(shop, v1, unpaid):
    with pytest.raises(stripe.CardError) as refused:
        v1.invoices.pay(unpaid.id)
    error = error_of(refused)
    assert (error.code, error.decline_code) == ("card_declined", "generic_decline")
    assert v1.charges.retrieve(error.charge).failure_code == "card_declined"
    with pytest.raises(stripe.CardError) as refused:
        v1.invoices.pay(unpaid.id, {"payment_method": "pm_card_authenticationRequired"})
    assert refused.value.code == "invoice_payment_intent_requires_action"


def test_it_can_be_paid_out_of_band(shop, v1, unpaid):
    paid = v1.invoices.pay(unpaid.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid, paid.amount_paid_off_stripe) == ("paid", 1000, 1000)
    assert v1.subscriptions.list({"customer": unpaid.customer}).data[0].status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        v1.invoices.pay(unpaid.id)


def test_to_void_it_is_to_cancel_its_payment(shop, v1, unpaid):
    start = shop.last_event()
    void = v1.invoices.void_invoice(unpaid.id, {"expand": ["payments"]})
    assert (void.status, void.status_transitions.voided_at, void.next_payment_attempt) == (
        "void",
        NOW,
        None,
    )
    assert void.payments.data[0].status == "canceled"
    intent = v1.payment_intents.retrieve(void.payments.data[0].payment.payment_intent)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "void_invoice")
    assert types(shop.events(start)) == [
        "payment_intent.canceled",
        "invoice.updated",
        "invoice.voided",
    ]
    with pytest.raises(stripe.InvalidRequestError):
        v1.invoices.pay(unpaid.id)


def test_what_is_given_up_can_still_be_paid(shop, v1, unpaid):
    lost = v1.invoices.mark_uncollectible(unpaid.id)
    assert (lost.status, lost.status_details.uncollectible.reason) == (
        "uncollectible",
        "user_forgiven",
    )
    assert types(shop.events())[-2:] == ["invoice.updated", "invoice.marked_uncollectible"]
    shop.give_card(unpaid.customer, "pm_card_visa")
    assert v1.invoices.pay(unpaid.id).status == "paid"


def test_voiding_gives_the_credit_back(shop, v1):
    customer = shop.customer("pm_card_chargeCustomerFail", balance=-300)
    subscription = shop.subscribe(customer, shop.price(1000))
    (invoice,) = shop.invoices(subscription.id)
    assert (invoice.amount_due, v1.customers.retrieve(customer).balance) == (700, 0)
    v1.invoices.void_invoice(invoice.id)
    assert v1.customers.retrieve(customer).balance == -300


def test_what_is_too_small_to_charge_is_owed_with_the_next(shop, v1, simulator):
    subscription = shop.subscribe(shop.customer(), shop.price(30))
    (first,) = shop.invoices(subscription.id)
    assert (first.total, first.amount_due, first.status, first.ending_balance) == (
        30,
        0,
        "paid",
        30,
    )
    simulator.advance(to=at("2026-02-01T01:00"))
    assert shop.invoices(subscription.id)[-1].amount_due == 60


def test_lists_filter(shop, v1, draft):
    one = draft.parent.subscription_details.subscription
    assert [invoice.status for invoice in v1.invoices.list({"subscription": one}).data] == [
        "draft",
        "paid",
    ]
    assert len(v1.invoices.list({"customer": draft.customer, "status": "paid"}).data) == 1
    assert v1.invoices.list({"status": "void"}).data == []
    assert v1.invoices.list({"created": {"gt": NOW}}).data == [draft]
    lines = v1.invoices.line_items.list(draft.id)
    assert (lines.url, lines.data) == (f"/v1/invoices/{draft.id}/lines", draft.lines.data)


def test_a_manual_invoice_of_what_waits(shop, v1):
    customer = shop.customer()
    v1.invoice_items.create(
        {"customer": customer, "amount": 2500, "currency": "usd", "description": "Setup"}
    )
    one_time = v1.prices.create(
        {"product_data": {"name": "Mug"}, "unit_amount": 900, "currency": "usd"}
    )
    v1.invoice_items.create(
        {"customer": customer, "pricing": {"price": one_time.id}, "quantity": 2}
    )
    invoice = v1.invoices.create(
        {"customer": customer, "pending_invoice_items_behavior": "include", "auto_advance": True}
    )
    assert (invoice.status, invoice.total, amounts(invoice)) == ("draft", 4300, [1800, 2500])
    assert [line.description for line in invoice.lines.data] == ["Mug", "Setup"]
    assert v1.invoice_items.list({"pending": True}).data == []
    assert v1.invoices.finalize_invoice(invoice.id).status == "paid"


def test_items_can_be_put_on_a_draft_and_drafts_deleted(shop, v1):
    invoice = v1.invoices.create({"customer": shop.customer()})
    with pytest.raises(stripe.InvalidRequestError):
        v1.invoices.finalize_invoice(invoice.id)
    v1.invoice_items.create(
        {"customer": invoice.customer, "invoice": invoice.id, "amount": 700, "currency": "usd"}
    )
    assert v1.invoices.retrieve(invoice.id).total == 700
    assert v1.invoices.delete(invoice.id).deleted
    assert v1.invoice_items.list().data == []


def test_previews_of_what_is_to_come(shop, v1):
    customer = shop.customer()
    first = v1.invoices.create_preview(
        {
            "customer": customer,
            "subscription_details": {"items": [{"price": shop.price(1000), "quantity": 2}]},
        }
    )
    assert (first.total, first.status, first.parent) == (2000, "draft", None)
    assert v1.subscriptions.list({"status": "all"}).data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.invoices.create_preview({"customer": customer})
    assert refused.value.code == "invoice_upcoming_none"
    subscription = shop.subscribe(customer, shop.price(1000))
    assert v1.invoices.create_preview({"customer": customer}).lines.data[0].period.start == at(
        "2026-02-01"
    )
    v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.invoices.create_preview({"subscription": subscription.id})
    assert refused.value.code == "invoice_upcoming_none"
