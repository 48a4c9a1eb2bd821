"""A shop with two plans, and the steps of a person who types into forms."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import stripe
from playwright.sync_api import Page

from tests.simulator.conftest import Simulator

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1200, "height": 800}


@dataclass
class Shop:
    """A shop. Its pages lead back to `back`.

    `basic` and `pro` are prices per month, and `portal_settings` sells both.
    """

    v1: stripe._v1_services.V1Services
    back: str
    basic: str
    pro: str
    portal_settings: str

    def session(self, **extra: Any) -> stripe.checkout.Session:
        """Create a Checkout session for Basic."""
        asked: dict[str, Any] = {
            "mode": "subscription",
            "line_items": [{"price": self.basic, "quantity": 1}],
            "success_url": f"{self.back}?bought={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{self.back}?left",
        }
        return self.v1.checkout.sessions.create({**asked, **extra})  # type: ignore[arg-type]  # a dict of any

    def subscriber(self, card: str = "pm_card_visa") -> stripe.Subscription:
        """Create a customer with a subscription to Basic."""
        customer = self.v1.customers.create({"email": "ada@example.com", "name": "Ada Example"})
        method = self.v1.payment_methods.attach(card, {"customer": customer.id})
        self.v1.customers.update(
            customer.id, {"invoice_settings": {"default_payment_method": method.id}}
        )
        return self.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": self.basic}]}
        )

    def portal(self, subscription: stripe.Subscription, **flow: Any) -> str:
        """Create a portal session, and return its URL. With `flow` (Stripe's
        `flow_data`), the URL leads to the page of one action.
        """
        customer = str(subscription.customer)
        asked: dict[str, Any] = {"customer": customer, "configuration": self.portal_settings}
        asked |= {"return_url": self.back} | ({"flow_data": flow} if flow else {})
        return self.v1.billing_portal.sessions.create(asked).url  # type: ignore[arg-type]  # a dict of any


@pytest.fixture
def shop(simulator: Simulator, v1: stripe._v1_services.V1Services) -> Shop:
    basic, pro = v1.products.create({"name": "Basic"}), v1.products.create({"name": "Pro"})

    def monthly(product: stripe.Product, amount: int) -> str:
        recurring = {"interval": "month"}
        price = v1.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount": amount,
                "recurring": recurring,  # type: ignore[typeddict-item]  # a plain dict
            }
        )
        return price.id

    prices = {basic.id: monthly(basic, 1000), pro.id: monthly(pro, 3000)}
    settings = v1.billing_portal.configurations.create(
        {
            "features": {
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "proration_behavior": "always_invoice",
                    "products": [
                        {"product": product, "prices": [price]} for product, price in prices.items()
                    ],
                },
            }
        }
    )
    cheap, dear = prices.values()
    return Shop(v1, f"{simulator.url}/_simulator", cheap, dear, settings.id)


def fill_in(page: Page, number: str, **others: str) -> None:
    """Fill in a card form by its labels."""
    typed = {
        "Card number": number,
        "Expiry (MM / YY)": "12 / 34",
        "Security code (CVC)": "123",
        "Name on the card": "Ada Example",
        **others,
    }
    for label, text in typed.items():
        page.get_by_label(label, exact=True).fill(text)


def picture(page: Page, name: str) -> None:
    """Take a screenshot if PICTURES names a folder.

    On a phone, nothing may overflow.
    """
    folder = os.environ.get("PICTURES")
    for size, shape in {"desktop": DESKTOP, "phone": PHONE}.items():
        page.set_viewport_size(shape)  # type: ignore[arg-type]  # a plain dict
        assert page.evaluate("document.documentElement.scrollWidth") <= shape["width"]
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{size}.png", full_page=True)
