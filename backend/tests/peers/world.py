"""Two months of sales, of as many kinds as in a year, for programs that copy an
account.
"""

from typing import Any

from stripe._v1_services import V1Services

from tests.simulator.conftest import Simulator

DAY = 86_400
MONTH = 31 * DAY


class Business:
    """Subscriptions in every state, with all objects and events that belong to them."""

    def __init__(self, v1: V1Services, simulator: Simulator) -> None:
        self.v1, self.simulator = v1, simulator
        product = v1.products.create({"name": "Pro", "metadata": {"of": "peers"}}).id
        self.monthly = self._price(product, 1000, "month")
        self.yearly = self._price(product, 10_000, "year")
        self.subscriptions: dict[str, str] = {}

    def _price(self, product: str, amount: int, interval: Any) -> str:
        recurring: Any = {"interval": interval}
        wanted: Any = {
            "product": product,
            "unit_amount": amount,
            "currency": "usd",
            "recurring": recurring,
        }
        return self.v1.prices.create(wanted).id

    def run(self) -> "Business":
        coupon = self.v1.coupons.create({"percent_off": 50, "duration": "once"}).id
        self.v1.promotion_codes.create(
            {"promotion": {"type": "coupon", "coupon": coupon}, "code": "HALF"}
        )
        self._subscribe("active")
        self._subscribe("trialing", trial_period_days=90)
        self._subscribe("discounted", discounts=[{"coupon": coupon}])
        self._subscribe("past_due")
        self._use_card("past_due", "pm_card_chargeCustomerFail")
        self._subscribe("ending")
        self._subscribe("canceled")
        self._subscribe("upgraded")
        self._subscribe("disputed", card="pm_card_createDispute")
        self._subscribe("incomplete", card="pm_card_chargeCustomerFail")
        self._change()
        self._checkout()
        self._wait(2 * DAY)
        self._wait(MONTH)
        self._refund()
        self._wait(DAY)
        return self

    def _wait(self, seconds: int) -> None:
        """Advance the clock, but first wait until every event has arrived, because
        Stripe deletes events after 30 days.
        """
        self.simulator.control("settle", timeout_seconds=300)
        self.simulator.advance(seconds=seconds)
        self.simulator.control("settle", timeout_seconds=300)

    def _subscribe(self, name: str, card: str = "pm_card_visa", **fields: Any) -> None:
        customer = self.v1.customers.create(
            {"email": f"{name}@example.com", "name": name.title()}
        ).id
        method = self.v1.payment_methods.attach(card, {"customer": customer}).id
        self.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
        wanted: Any = {"customer": customer, "items": [{"price": self.monthly}], **fields}
        self.subscriptions[name] = self.v1.subscriptions.create(wanted).id

    def _use_card(self, name: str, card: str) -> None:
        subscription = self.v1.subscriptions.retrieve(self.subscriptions[name])
        method = self.v1.payment_methods.attach(card, {"customer": str(subscription.customer)})
        self.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})

    def _change(self) -> None:
        item = self.v1.subscriptions.retrieve(self.subscriptions["upgraded"])["items"].data[0].id
        items: Any = [{"id": item, "price": self.yearly}]
        wanted: Any = {"items": items, "proration_behavior": "always_invoice"}
        self.v1.subscriptions.update(self.subscriptions["upgraded"], wanted)
        self.v1.subscriptions.update(self.subscriptions["ending"], {"cancel_at_period_end": True})
        self.v1.subscriptions.cancel(self.subscriptions["canceled"])

    def _checkout(self) -> None:
        line: Any = {"price": self.monthly, "quantity": 1}
        url = "https://app.example.com/"
        self.v1.checkout.sessions.create(
            {"mode": "subscription", "line_items": [line], "success_url": url}
        )
        customer = self.v1.customers.create({"email": "saved@example.com"}).id
        self.v1.setup_intents.create(
            {"customer": customer, "payment_method": "pm_card_visa", "confirm": True}
        )
        self.v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd"})
        self.v1.customers.delete(self.v1.customers.create({"email": "gone@example.com"}).id)

    def _refund(self) -> None:
        active = self.v1.subscriptions.retrieve(self.subscriptions["active"])
        charge = self.v1.charges.list({"customer": str(active.customer)}).data[0].id
        self.v1.refunds.create({"charge": charge, "amount": 300})
