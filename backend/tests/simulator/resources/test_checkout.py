"""The API shows what happens in Checkout.

For the customer's actions, the tests call the same function as the page.
"""

from urllib.parse import urlsplit

import pytest
import stripe

from simulator.billing import authentication, checkout
from simulator.protocol.errors import StripeError
from tests.simulator.conftest import NOW
from tests.simulator.resources.cards import DECLINED, SECURE
from tests.simulator.shop import DAY, HOUR, item_of, types


def authenticate(simulator, session, *, passed):
    with simulator.store.work() as work:
        found = work.get("checkout.session", session.id)
        intent = work.any_of(found["_waiting"])
        if passed:
            checkout.resume(work, found, intent)
        else:
            authentication.finish(work, intent, passed=False)


def test_an_open_session(simulator, shop, open_session, v1):
    session = open_session(client_reference_id="7", metadata={"user": "7"}, expand=["line_items"])
    assert (session.status, session.payment_status, session.amount_total) == (
        "open",
        "unpaid",
        1000,
    )
    assert session.url == f"{simulator.url}/c/pay/{session.id}"
    assert session.expires_at == NOW + DAY
    (item,) = session.line_items.data
    assert (item.description, item.quantity, item.amount_total) == ("Pro", 1, 1000)
    assert v1.checkout.sessions.line_items.list(session.id).data == [item]
    assert v1.checkout.sessions.list({"status": "open"}).data[0].id == session.id


def test_a_purchase(shop, open_session, press, v1):
    session = open_session(subscription_data={"metadata": {"user": "7"}})
    start = shop.last_event()
    assert press(session) is None
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert (done.customer_details.email, done.customer_details.name) == ("ada@example.com", "Ada")
    assert (done.subscription.status, done.subscription.metadata["user"]) == ("active", "7")
    assert done.invoice.amount_paid == 1000
    method = v1.payment_methods.retrieve(done.subscription.default_payment_method)
    assert (method.customer, method.card.last4) == (done.customer, "4242")
    assert types(shop.events(start)) == [
        "customer.created",
        "customer.updated",
        "invoice.created",
        "customer.subscription.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "payment_method.attached",
        "invoice_payment.paid",
        "invoice.updated",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]
    created = next(
        event for event in shop.events(start) if event.type == "customer.subscription.created"
    )
    assert created.data.object.status == "incomplete"


def test_a_declined_card_can_be_replaced(shop, open_session, press, v1):
    session = open_session(customer=shop.customer(card=None))
    for _ in range(2):
        with pytest.raises(StripeError, match="declined"):
            press(session, DECLINED)
    assert v1.checkout.sessions.retrieve(session.id).status == "open"
    (subscription,) = v1.subscriptions.list({"status": "all"}).data
    assert subscription.status == "incomplete"
    press(session)
    assert v1.subscriptions.retrieve(subscription.id).status == "active"
    assert v1.checkout.sessions.retrieve(session.id).subscription == subscription.id
    assert [invoice.status for invoice in v1.invoices.list().data] == ["paid"]


def test_3d_secure_passed(simulator, open_session, press, v1):
    session = open_session()
    url = press(session, SECURE)
    assert urlsplit(url).path.startswith("/c/authenticate/pi_")
    assert v1.checkout.sessions.retrieve(session.id).status == "open"
    authenticate(simulator, session, passed=True)
    done = v1.checkout.sessions.retrieve(session.id)
    assert done.status == "complete"
    charge = v1.charges.list({"customer": done.customer}).data[0]
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_a_card_that_was_authenticated_pays_renewals(simulator, shop, open_session, press, v1):
    session = open_session()
    press(session, SECURE)
    authenticate(simulator, session, passed=True)
    simulator.advance(seconds=31 * DAY + HOUR)
    subscription = v1.checkout.sessions.retrieve(session.id).subscription
    assert [invoice.status for invoice in shop.invoices(subscription)] == ["paid", "paid"]


def test_3d_secure_failed(simulator, open_session, press, v1):
    session = open_session()
    press(session, SECURE)
    authenticate_fails = v1.checkout.sessions.retrieve(session.id)
    authenticate(simulator, session, passed=False)
    assert authenticate_fails.status == "open"
    press(session)
    assert v1.checkout.sessions.retrieve(session.id).status == "complete"


def test_a_trial_saves_the_card_and_charges_nothing(shop, open_session, press, v1):
    session = open_session(subscription_data={"trial_period_days": 14})
    assert session.amount_total == 0
    start = shop.last_event()
    press(session)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.status) == ("no_payment_required", "trialing")
    assert done.subscription.default_payment_method
    assert v1.charges.list().data == []
    assert types(shop.events(start))[2:4] == ["payment_method.attached", "setup_intent.succeeded"]


def test_a_trial_with_a_declined_card_does_not_begin(open_session, press, v1):
    session = open_session(subscription_data={"trial_period_days": 14})
    with pytest.raises(StripeError, match="declined"):
        press(session, DECLINED)
    assert v1.subscriptions.list({"status": "all"}).data == []


def test_a_trial_without_a_card(open_session, press, v1):
    session = open_session(
        payment_method_collection="if_required",
        subscription_data={
            "trial_period_days": 14,
            "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
        },
    )
    press(session, number=None)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.subscription.status, done.subscription.default_payment_method) == (
        "trialing",
        None,
    )
    assert done.subscription.trial_settings.end_behavior.missing_payment_method == "cancel"


def test_a_promotion_code_typed_on_the_page(open_session, press, v1):
    half = v1.coupons.create({"percent_off": 50.0, "duration": "once"})
    code = v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": half.id}, "code": "HALF"}
    )
    session = open_session(allow_promotion_codes=True)
    with pytest.raises(StripeError, match="invalid"):
        press(session, code="NOPE")
    press(session, code="half")
    done = v1.checkout.sessions.retrieve(session.id)
    assert (done.amount_subtotal, done.amount_total, done.total_details.amount_discount) == (
        1000,
        500,
        500,
    )
    assert done.discounts[0].promotion_code == code.id
    assert v1.invoices.list().data[0].amount_paid == 500


def test_a_free_first_month_saves_the_card(open_session, press, v1):
    free = v1.coupons.create({"percent_off": 100.0, "duration": "once"})
    session = open_session(discounts=[{"coupon": free.id}])
    press(session)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.amount_total, done.subscription.status) == (
        "no_payment_required",
        0,
        "active",
    )
    assert done.subscription.default_payment_method


def test_a_session_ends_after_a_day_or_by_call(shop, simulator, open_session, press, v1):
    by_call, by_time = open_session(), open_session()
    assert v1.checkout.sessions.expire(by_call.id).status == "expired"
    simulator.advance(seconds=DAY)
    assert v1.checkout.sessions.retrieve(by_time.id).status == "expired"
    assert types(shop.events())[-2:] == ["checkout.session.expired"] * 2
    with pytest.raises(StripeError, match="expired"):
        press(by_time)
    with pytest.raises(stripe.InvalidRequestError):
        v1.checkout.sessions.expire(by_call.id)


def test_a_session_is_paid_once(open_session, press, v1):
    session = open_session()
    press(session)
    with pytest.raises(StripeError, match="complete"):
        press(session)
    assert len(v1.subscriptions.list().data) == 1


def test_a_customer_who_was_deleted_buys_nothing(shop, open_session, press, v1):
    session = open_session(customer=shop.customer())
    v1.customers.delete(session.customer)
    with pytest.raises(StripeError, match="No such customer"):
        press(session)
    assert v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_change_of_mind_about_the_code_starts_anew(open_session, press, v1):
    half = v1.coupons.create({"percent_off": 50.0, "duration": "once"})
    v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": half.id}, "code": "HALF"})
    session = open_session(allow_promotion_codes=True)
    with pytest.raises(StripeError):
        press(session, DECLINED)
    press(session, code="HALF")
    statuses = [one.status for one in v1.subscriptions.list({"status": "all"}).data]
    assert sorted(statuses) == ["active", "incomplete_expired"]
    assert sorted(invoice.status for invoice in v1.invoices.list().data) == ["paid", "void"]
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert item_of(done.subscription).quantity == 1
