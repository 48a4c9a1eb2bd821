"""An object shows the first ten entries of its list. The list's `url` has the rest."""

import pytest
import stripe
from stripe import Charge

from tests.simulator.shop import at, item_of

TOO_MANY = 23


def begins(listed, url):
    """Check that the list announces more entries, and return the first ten."""
    assert (len(listed.data), listed.has_more, listed.url) == (10, True, url)
    return [one.id for one in listed.data]


def all_of(listed):
    """Return all entries. stripe-python reads them from the `url`, in pages of ten."""
    return [one.id for one in listed.auto_paging_iter()]


@pytest.fixture
def long_invoice(v1, shop):
    """A draft with more invoice items than a page shows."""
    customer = shop.customer()
    for number in range(TOO_MANY):
        v1.invoice_items.create({"customer": customer, "amount": 100 + number, "currency": "usd"})
    return v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})


def test_the_lines_of_an_invoice(v1, long_invoice):
    url = f"/v1/invoices/{long_invoice.id}/lines"
    first = begins(long_invoice.lines, url)
    (found,) = v1.invoices.list().data
    assert begins(found.lines, url) == first
    everything = all_of(long_invoice.lines)
    assert (everything[:10], len(set(everything))) == (first, TOO_MANY)
    page = v1.invoices.line_items.list(long_invoice.id, {"limit": 20, "starting_after": first[-1]})
    assert ([line.id for line in page.data], page.has_more) == (everything[10:], False)
    assert long_invoice.total == sum(range(100, 100 + TOO_MANY))


def test_events_show_no_more_than_answers(v1, long_invoice):
    (created,) = v1.events.list({"type": "invoice.created"}).data
    assert begins(created.data.object.lines, long_invoice.lines.url) == begins(
        long_invoice.lines, long_invoice.lines.url
    )


def test_nothing_is_lost_of_what_is_not_shown(v1, simulator, long_invoice):
    paid = v1.invoices.pay(long_invoice.id)
    assert (paid.status, paid.amount_paid) == ("paid", long_invoice.total)
    assert all_of(paid.lines) == all_of(long_invoice.lines)


def test_the_items_of_a_subscription(v1, shop):
    prices = [shop.price(100 + number) for number in range(12)]
    wanted = [{"price": price} for price in prices]
    subscription = v1.subscriptions.create({"customer": shop.customer(), "items": wanted})
    begins(subscription["items"], f"/v1/subscription_items?subscription={subscription.id}")
    listed = subscription["items"].auto_paging_iter()
    assert [item.price.id for item in listed] == prices


def test_the_refunds_of_a_charge(v1, shop, simulator):
    shop.subscribe(shop.customer(), shop.price(5000))
    (charge,) = v1.charges.list().data
    made = [v1.refunds.create({"charge": charge.id, "amount": 10}).id for _ in range(12)]
    refunded: Charge = v1.charges.retrieve(charge.id)
    assert refunded.refunds
    assert begins(refunded.refunds, f"/v1/charges/{charge.id}/refunds") == made[:1:-1]
    assert all_of(refunded.refunds) == made[::-1]


def test_the_line_items_of_a_checkout(shop, open_session):
    items = [{"price": shop.price(100 + number), "quantity": 1} for number in range(12)]
    session = open_session(line_items=items, expand=["line_items"])
    first = begins(session.line_items, f"/v1/checkout/sessions/{session.id}/line_items")
    assert all_of(session.line_items)[:10] == first
    assert len(all_of(session.line_items)) == len(items)


def test_the_lines_of_a_preview(v1, shop, simulator):
    """A preview is not an invoice, but its lines can be listed."""
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    for day in range(2, 9):
        simulator.advance(to=at(f"2026-01-0{day}"))
        v1.subscription_items.update(item_of(subscription).id, {"quantity": day})
    found = v1.invoices.create_preview({"subscription": subscription.id})
    first = begins(found.lines, f"/v1/invoices/{found.id}/lines")
    everything = list(found.lines.auto_paging_iter())
    assert ([line.id for line in everything][:10], len(everything)) == (first, 15)
    assert sum(line.amount for line in everything) == found.total


def test_only_the_newest_previews_are_remembered(v1, shop, monkeypatch):
    monkeypatch.setattr("simulator.billing.preview.REMEMBERED", 2)
    items = [{"price": shop.price(100 + number)} for number in range(11)]
    wanted = {"customer": shop.customer(), "subscription_details": {"items": items}}
    forgotten, *kept = [v1.invoices.create_preview(wanted) for _ in range(3)]
    assert [len(all_of(preview.lines)) for preview in kept] == [11, 11]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.invoices.line_items.list(forgotten.id)
    assert refused.value.http_status == 404
