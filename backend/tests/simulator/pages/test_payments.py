"""Payments on pages other than Checkout: open invoices and changes in the portal.

Only the customer who owns the invoice or the subscription can do this.
"""

import re

import httpx2
import pytest

CARD = {"number": "4242424242424242", "expiry": "12/34", "cvc": "123", "name": "Ada", "act": "pay"}
DECLINED = "Your card was declined."


@pytest.fixture
def web():
    with httpx2.Client(follow_redirects=True, timeout=20) as client:
        yield client


@pytest.fixture
def overdue(shop, simulator):
    """Return the open invoice of a subscription's renewal, for which the card was
    declined.
    """
    subscription = shop.subscriber()
    failing = shop.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": str(subscription.customer)}
    )
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": failing.id})
    simulator.advance(seconds=31 * 86_400 + 7200)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    return shop.v1.invoices.list({"status": "open"}).data[0]


def authenticate(web, page, outcome):
    """Press a button on the page of the bank."""
    assert "3-D Secure" in page.text
    return web.post(str(page.url), data={"outcome": outcome})


def test_an_open_invoice_is_paid_with_another_card(web, shop, overdue):
    assert "Payment failed" in web.get(overdue.hosted_invoice_url).text
    page = web.post(overdue.hosted_invoice_url, data=CARD | {"number": "4000000000000002"})
    assert DECLINED in page.text
    page = web.post(overdue.hosted_invoice_url, data=CARD)
    assert "$10.00 paid" in page.text
    assert "Pay this invoice" not in page.text
    assert shop.v1.invoices.retrieve(overdue.id).status == "paid"
    assert [one.status for one in shop.v1.subscriptions.list().data] == ["active"]


@pytest.mark.parametrize(("outcome", "status"), [("complete", "paid"), ("fail", "open")])
def test_an_open_invoice_can_want_3d_secure(web, shop, overdue, outcome, status):
    page = web.post(overdue.hosted_invoice_url, data=CARD | {"number": "4000002500003155"})
    page = authenticate(web, page, outcome)
    assert str(page.url) == overdue.hosted_invoice_url
    assert shop.v1.invoices.retrieve(overdue.id).status == status
    assert ("We are unable to authenticate" in page.text) == (outcome == "fail")


def test_an_invoice_is_paid_once(web, shop, overdue):
    web.post(overdue.hosted_invoice_url, data=CARD)
    page = web.post(overdue.hosted_invoice_url, data=CARD)
    assert "Invoice is already paid" in page.text
    assert len([one for one in shop.v1.charges.list().data if one.paid]) == 2


def test_a_mistake_charges_nothing(web, shop, overdue):
    before = len(shop.v1.charges.list().data)
    page = web.post(overdue.hosted_invoice_url, data=CARD | {"cvc": "1"})
    assert "Your card&#39;s security code is incomplete." in page.text
    assert "<title>Error: Invoice" in page.text
    assert len(shop.v1.charges.list().data) == before


def change(web, base, subscription, price):
    """Take the three steps of a change of plan in the portal."""
    page = web.get(f"{base}/subscriptions/{subscription.id}/preview", params={"price": price})
    at = re.findall(r'name="at" value="(\d+)"', page.text)[0]
    return web.post(
        f"{base}/subscriptions/{subscription.id}/change", data={"price": price, "at": at}
    )


def use_card(shop, subscription, name):
    method = shop.v1.payment_methods.attach(name, {"customer": str(subscription.customer)})
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})


@pytest.mark.parametrize(("outcome", "plan"), [("complete", "pro"), ("fail", "basic")])
def test_a_change_can_want_3d_secure_and_waits_for_it(web, shop, outcome, plan):
    subscription = shop.subscriber()
    use_card(shop, subscription, "pm_card_authenticationRequired")
    page = change(web, shop.portal(subscription), subscription, shop.pro)
    waiting = shop.v1.subscriptions.retrieve(subscription.id)
    assert waiting["items"].data[0].price.id == shop.basic
    page = authenticate(web, page, outcome)
    changed = shop.v1.subscriptions.retrieve(subscription.id)
    assert changed["items"].data[0].price.id == getattr(shop, plan)
    assert ("Your plan is changed." in page.text) == (outcome == "complete")
    assert ("Your plan has not been changed." in page.text) == (outcome == "fail")


def test_a_declined_change_keeps_the_plan_and_can_be_retried(web, shop):
    subscription = shop.subscriber()
    base = shop.portal(subscription)
    use_card(shop, subscription, "pm_card_chargeCustomerFail")
    page = change(web, base, subscription, shop.pro)
    assert "Your card was declined. Add another card" in page.text
    assert shop.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == shop.basic
    page = web.post(f"{base}/cards", data=CARD | {"act": "save"})
    assert "Your card is saved." in page.text
    page = change(web, base, subscription, shop.pro)
    assert "Your plan is changed." in page.text
    assert shop.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == shop.pro


def test_the_previewed_amount_is_charged_though_time_passes(web, shop, simulator):
    subscription = shop.subscriber()
    base = shop.portal(subscription)
    simulator.advance(seconds=10 * 86_400)
    preview = web.get(f"{base}/subscriptions/{subscription.id}/preview", params={"price": shop.pro})
    due = re.findall(r"Due now</span><span>\$([\d.]+)", preview.text)[0]
    at = re.findall(r'name="at" value="(\d+)"', preview.text)[0]
    simulator.advance(seconds=3 * 86_400)
    web.post(f"{base}/subscriptions/{subscription.id}/change", data={"price": shop.pro, "at": at})
    assert (
        f"{shop.v1.invoices.list().data[0].total / 100:.2f}" == due == "13.55"
    )  # 20.00 x 21 / 31 days


def test_only_offered_plans_can_be_chosen(web, shop):
    subscription = shop.subscriber()
    base = f"{shop.portal(subscription)}/subscriptions/{subscription.id}"
    product = shop.v1.products.create({"name": "Secret"})
    recurring = {"currency": "usd", "unit_amount": 1, "recurring": {"interval": "month"}}
    hidden = shop.v1.prices.create({"product": product.id, **recurring})
    for price in (hidden.id, "price_unknown", shop.basic):
        assert web.get(f"{base}/preview", params={"price": price}).status_code == 404
        assert web.post(f"{base}/change", data={"price": price}).status_code == 404


def test_somebody_elses_things_are_not_found(web, shop):
    mine, theirs = shop.subscriber(), shop.subscriber()
    base = shop.portal(mine)
    (card,) = shop.v1.payment_methods.list({"customer": str(theirs.customer)}).data
    for path in (
        f"subscriptions/{theirs.id}/cancel",
        f"subscriptions/{theirs.id}/resume",
        f"cards/{card.id}/remove",
    ):
        assert web.post(f"{base}/{path}").status_code == 404
    assert web.get(f"{base}/subscriptions/{theirs.id}/change").status_code == 404
    assert shop.v1.subscriptions.retrieve(theirs.id).cancel_at_period_end is False


def test_what_the_configuration_switches_off_is_gone(web, shop):
    subscription = shop.subscriber()
    base = shop.portal(subscription)
    off = {
        name: {"enabled": False}
        for name in ("invoice_history", "payment_method_update", "subscription_cancel")
    }
    off["subscription_update"] = {"enabled": False}
    shop.v1.billing_portal.configurations.update(shop.portal_settings, {"features": off})
    page = web.get(base)
    for text in ("Change plan", "Cancel subscription", "Add another card", "Invoices"):
        assert text not in page.text
    for path in (
        f"subscriptions/{subscription.id}/change",
        f"subscriptions/{subscription.id}/cancel",
        "cards",
    ):
        assert web.get(f"{base}/{path}").status_code == 404
        assert web.post(f"{base}/{path}").status_code == 404


def test_a_cancellation_can_be_at_once_and_give_a_reason(web, shop):
    subscription = shop.subscriber()
    reasons = {"cancellation_reason": {"enabled": True, "options": ["too_expensive", "other"]}}
    now = {"enabled": True, "mode": "immediately", "proration_behavior": "none", **reasons}
    shop.v1.billing_portal.configurations.update(
        shop.portal_settings, {"features": {"subscription_cancel": now}}
    )
    base = f"{shop.portal(subscription)}/subscriptions/{subscription.id}/cancel"
    page = web.get(base)
    assert "Your plan ends at once." in page.text
    assert "It is too expensive" in page.text
    web.post(base, data={"feedback": "too_expensive"})
    ended = shop.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.cancellation_details.feedback) == ("canceled", "too_expensive")


def test_a_payment_once_and_a_card_for_later(web, shop):
    product = shop.v1.products.create({"name": "Mug"})
    price = shop.v1.prices.create({"product": product.id, "currency": "eur", "unit_amount": 1500})
    session = shop.session(mode="payment", line_items=[{"price": price.id, "quantity": 2}])
    page = web.get(session.url)
    assert "Pay €30.00" in page.text
    web.post(session.url, data=CARD | {"email": "ada@example.com"})
    (charge,) = shop.v1.charges.list().data
    assert (charge.amount, charge.currency) == (3000, "eur")
    assert "€30.00 were paid on 1 January 2026 with Visa" in web.get(charge.receipt_url).text
    customer = shop.v1.customers.create({"email": "ada@example.com"})
    setup = shop.v1.checkout.sessions.create(
        {"mode": "setup", "currency": "eur", "customer": customer.id, "success_url": shop.back}
    )
    assert "Save card" in web.get(setup.url).text
    web.post(setup.url, data=CARD)
    assert [
        one.card.last4 for one in shop.v1.payment_methods.list({"customer": customer.id}).data
    ] == ["4242"]


def test_a_session_is_paid_once(web, shop):
    session = shop.session()
    for _ in range(2):
        web.post(session.url, data=CARD | {"email": "ada@example.com"})
    assert len(shop.v1.charges.list().data) == 1
    assert "This is done" in web.get(session.url).text


def test_a_press_on_the_banks_page_counts_once(web, shop):
    session = shop.session()
    page = web.post(
        session.url, data=CARD | {"number": "4000002500003155", "email": "ada@example.com"}
    )
    challenge = str(page.url)
    authenticate(web, page, "complete")
    assert "This is done" in web.get(challenge).text
    web.post(challenge, data={"outcome": "fail"})
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert [one.status for one in shop.v1.subscriptions.list().data] == ["active"]


@pytest.mark.parametrize(
    "path", ["/c/pay/cs_test_no", "/c/authenticate/pi_no_secret_no", "/i/no", "/i/no/pdf", "/r/no"]
)
def test_an_unknown_address_is_not_found(web, simulator, path):
    assert web.get(f"{simulator.url}{path}").status_code == 404


@pytest.mark.parametrize(("chosen", "name"), [("auto", "Ada"), ("never", "Ada Example")])
def test_checkout_updates_the_name_of_a_customer_where_it_may(web, shop, chosen, name):
    customer = shop.v1.customers.create({"email": "ada@example.com", "name": "Ada Example"}).id
    update = {"name": chosen, "address": "auto", "shipping": "never"}
    session = shop.session(customer=customer, customer_update=update)
    web.post(session.url, data=CARD)
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "complete"
    assert shop.v1.customers.retrieve(customer).name == name
    told = shop.v1.events.list({"type": "customer.updated"}).data
    assert [
        one.data.previous_attributes["name"]
        for one in told
        if "name" in one.data.previous_attributes
    ] == (["Ada Example"] if chosen == "auto" else [])
