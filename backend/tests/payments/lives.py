"""Payers with subscriptions at the simulator, like the subscriptions that Checkout
creates.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.db.database import SessionLocal
from app.routers.auth.models import User
from app.routers.payments.mirror import sync
from app.routers.payments.models import Customer
from app.routers.payments.plans import plan_file, publishing
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, store_plans
from tests.payments.stripe_side import StripeSide


def sell_plans() -> dict[str, str]:
    """Create the plans of plans.toml at the simulator and as rows. Return the price id
    of each paid plan.
    """
    offers = plan_file.read_plan_file()
    there = publishing.bring_in_line(offers, publishing.read_catalogue(offers))
    store_plans(there)
    return {key.removeprefix(publishing.PREFIX): price.id for key, price in there.prices.items()}


@dataclass
class Payer:
    """A user of the application, and the user's customer at Stripe."""

    user: User
    customer: Customer
    side: StripeSide
    prices: dict[str, str]

    @property
    def stripe_id(self) -> str:
        assert self.customer.stripe_id
        return self.customer.stripe_id

    def use_card(self, name: str) -> None:
        """Pay with one of Stripe's test cards from now on, such as `pm_card_visa`."""
        card = self.side.api.payment_methods.attach(name, {"customer": self.stripe_id})
        settings: Any = {"invoice_settings": {"default_payment_method": card.id}}
        self.side.api.customers.update(self.stripe_id, settings)

    def subscribe(self, slug: str = "team", **options: Any) -> str:
        """Subscribe and return the id of the subscription."""
        params = {"customer": self.stripe_id, "items": [{"price": self.prices[slug]}], **options}
        return self.side.api.subscriptions.create(params).id  # type: ignore[arg-type]  # a dict written in parts

    def advance(self, **span: float) -> None:
        """Advance the payer's test clock by `days=` or `hours=`.
        `make_payer(clock=True)` creates this clock.
        """
        clocks = self.side.api.test_helpers.test_clocks
        customer: Any = self.side.api.customers.retrieve(self.stripe_id)
        clock = clocks.retrieve(customer.test_clock)
        clocks.advance(
            clock.id, {"frozen_time": clock.frozen_time + int(timedelta(**span).total_seconds())}
        )
        while clocks.retrieve(clock.id).status != "ready":
            time.sleep(0.02)

    def look(self) -> None:
        """Sync with Stripe, as a worker does after an event."""
        with SessionLocal() as db:
            sync.sync_payer(db, self.customer.id)
            db.commit()

    def at_stripe(self, subscription: str) -> Any:
        return self.side.api.subscriptions.retrieve(subscription)


def make_payer(
    side: StripeSide,
    prices: dict[str, str],
    card: str | None = "pm_card_visa",
    *,
    clock: bool = False,
) -> Payer:
    user = make_user()
    own: Any = {
        "test_clock": side.api.test_helpers.test_clocks.create({"frozen_time": int(time.time())}).id
    }
    made = side.api.customers.create({"email": user.email, **(own if clock else {})})
    payer = Payer(user, make_customer(user, stripe_id=made.id), side, prices)
    if card:
        payer.use_card(card)
    return payer
