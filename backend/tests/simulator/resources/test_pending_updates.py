"""Some changes of a subscription wait until they are paid."""

from typing import ClassVar

import pytest

from tests.simulator.conftest import NOW
from tests.simulator.shop import HOUR, amounts, at, before, item_of, types


class TestPendingUpdates:
    WISH: ClassVar = {
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }

    @pytest.fixture
    def waiting(self, shop, running):
        """An upgrade whose card was declined."""
        shop.give_card(running.customer, "pm_card_chargeCustomerFail")
        return shop.change(running, shop.price(2000), **self.WISH)

    def test_it_waits_until_it_is_paid(self, shop, v1, running, waiting):
        assert (waiting.status, item_of(waiting).price.unit_amount) == ("active", 1000)
        assert waiting.pending_update.expires_at == NOW + 23 * HOUR
        assert waiting.pending_update.subscription_items[0].price.unit_amount == 2000
        start = shop.last_event()
        method = v1.payment_methods.attach("pm_card_visa", {"customer": running.customer})
        v1.invoices.pay(waiting.latest_invoice, {"payment_method": method.id})
        applied = v1.subscriptions.retrieve(running.id)
        assert (item_of(applied).price.unit_amount, applied.pending_update) == (2000, None)
        events = shop.events(start)
        assert types(events)[-4:] == [
            "customer.subscription.updated",
            "customer.subscription.pending_update_applied",
            "invoice.paid",
            "invoice.payment_succeeded",
        ]
        assert before(events[-4])["items"]["data"][0]["price"]["unit_amount"] == 1000

    def test_it_expires_after_23_hours(self, shop, v1, simulator, running, waiting):
        simulator.advance(seconds=23 * HOUR - 1)
        assert v1.subscriptions.retrieve(running.id).pending_update is not None
        start = shop.last_event()
        simulator.advance(seconds=1)
        expired = v1.subscriptions.retrieve(running.id)
        assert (item_of(expired).price.unit_amount, expired.pending_update) == (1000, None)
        assert v1.invoices.retrieve(waiting.latest_invoice).status == "void"
        assert types(shop.events(start))[-2:] == [
            "customer.subscription.updated",
            "customer.subscription.pending_update_expired",
        ]

    def test_another_change_takes_its_place(self, shop, v1, running, waiting):
        shop.give_card(running.customer, "pm_card_visa")
        changed = shop.change(running, shop.price(3000), **self.WISH)
        assert (item_of(changed).price.unit_amount, changed.pending_update) == (3000, None)
        assert v1.invoices.retrieve(waiting.latest_invoice).status == "void"
        assert amounts(shop.invoices(running.id)[-1]) == [-1000, 3000]

    def test_to_void_its_invoice_is_to_drop_it(self, v1, running, waiting):
        v1.invoices.void_invoice(waiting.latest_invoice)
        assert v1.subscriptions.retrieve(running.id).pending_update is None

    def test_paid_at_once_it_never_waits(self, shop, running):
        start = shop.last_event()
        changed = shop.change(running, shop.price(9000, "year"), **self.WISH)
        assert (item_of(changed).price.unit_amount, changed.pending_update) == (9000, None)
        assert item_of(changed).current_period_end == at("2027-01-01")
        assert not any("pending_update" in kind for kind in types(shop.events(start)))
