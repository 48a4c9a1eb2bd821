"""A seller and a customer for tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stripe import Invoice, Subscription
from stripe._v1_services import V1Services

DAY = 86_400
HOUR = 3600


def at(text: str) -> int:
    """Return the Unix time of `2026-04-01` or `2026-04-01T12:00`, in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@dataclass
class Shop:
    """A shop with one product, `Pro`, and this product's prices by amount and
    interval.
    """

    v1: V1Services
    product: str = ""
    prices: dict[tuple[int, str], str] = field(default_factory=dict)

    def price(self, amount: int, interval: str = "month", **more: Any) -> str:
        if not self.product:
            self.product = self.v1.products.create({"name": "Pro"}).id
        known = (amount, interval)
        if known not in self.prices or more:
            recurring: Any = {"interval": interval, **more}
            made = self.v1.prices.create(
                {
                    "product": self.product,
                    "unit_amount": amount,
                    "currency": "usd",
                    "recurring": recurring,
                }
            )
            self.prices[known] = made.id
        return self.prices[known]

    def customer(self, card: str | None = "pm_card_visa", **fields: Any) -> str:
        """Create a customer with a default payment method, unless the card is
        `None`.
        """
        wanted: Any = {"email": "ada@example.com", **fields}
        made = self.v1.customers.create(wanted)
        if card:
            self.give_card(made.id, card)
        return made.id

    def give_card(self, customer: str, card: str) -> str:
        method = self.v1.payment_methods.attach(card, {"customer": customer})
        self.v1.customers.update(
            customer, {"invoice_settings": {"default_payment_method": method.id}}
        )
        return method.id

    def subscribe(self, customer: str, price: str, **fields: Any) -> Subscription:
        wanted: Any = {"customer": customer, "items": [{"price": price}], **fields}
        return self.v1.subscriptions.create(wanted)

    def change(self, subscription: Subscription, price: str, **fields: Any) -> Subscription:
        wanted: Any = {"items": [{"id": item_of(subscription).id, "price": price}], **fields}
        return self.v1.subscriptions.update(subscription.id, wanted)

    def invoices(self, subscription: str) -> list[Invoice]:
        """Return the invoices, oldest first."""
        return list(self.v1.invoices.list({"subscription": subscription, "limit": 100}).data)[::-1]

    def events(self, after: str | None = None) -> list[Any]:
        """Return the events after this one, oldest first."""
        found: Any = {"limit": 100}
        if after:
            found["ending_before"] = after
        return list(self.v1.events.list(found).data)[::-1]

    def last_event(self) -> str:
        return self.v1.events.list({"limit": 1}).data[0].id


def item_of(subscription: Subscription) -> Any:
    return subscription["items"].data[0]


def amounts(invoice: Invoice) -> list[int]:
    return [line.amount for line in invoice.lines.data]


def types(events: list[Any]) -> list[str]:
    return [event.type for event in events]


def before(event: Any) -> dict[str, Any]:
    """Return the event's `previous_attributes`."""
    found: dict[str, Any] = event.data.to_dict().get("previous_attributes", {})
    return found


def error_of(refused: Any) -> Any:
    """Return Stripe's error object from the result of `pytest.raises`."""
    return refused.value.error


def pay(v1: V1Services, card: str, **fields: Any) -> Any:
    """Pay 15.00 without an invoice."""
    wanted: Any = {"amount": 1500, "currency": "usd", "payment_method": card, "confirm": True}
    return v1.payment_intents.create(wanted | fields)
