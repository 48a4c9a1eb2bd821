"""A period is as long as the price says, and a customer pays for the time that they
use.
"""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.billing import subscription_timers
from tests.simulator.billing.world import World

NOW = 1_769_860_800  # 2026-01-31 12:00 UTC, so that months end early
DAY = 86_400
PRICES = {
    "week": (300, "week", 1),
    "month": (999, "month", 1),
    "large": (4999, "month", 1),
    "quarter": (2500, "month", 3),
    "year": (9000, "year", 1),
}
ANCHORS: dict[str, dict[str, str]] = {
    "": {},
    "now": {"billing_cycle_anchor[type]": "now"},
    "unchanged": {"billing_cycle_anchor[type]": "unchanged"},
    "trial_end": {"trial_end": "now"},
    "trial_end and now": {"trial_end": "now", "billing_cycle_anchor[type]": "now"},
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(PRICES)),
        st.sampled_from(sorted(ANCHORS)),
        st.one_of(st.integers(0, 40 * DAY), st.sampled_from([0, 1, DAY, 31 * DAY, 200 * DAY])),
    ),
    max_size=6,
)


class Life:
    """A subscription, and what its time costs by the test's own calculation."""

    def __init__(self) -> None:
        self.world = World(NOW)
        call = self.world.call
        product = call("POST", "/v1/products", name="Pro")["id"]
        self.prices = {name: self._price(product, *terms) for name, terms in PRICES.items()}
        customer = call("POST", "/v1/customers", email="ada@example.com")["id"]
        card = call("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
        order = {"items[0][price]": self.prices["month"], "default_payment_method": card}
        self.id = call("POST", "/v1/subscriptions", customer=customer, **order)["id"]
        self.used, self.changes = Fraction(0), 0

    def _price(self, product: str, amount: int, interval: str, count: int) -> str:
        recurring = {"recurring[interval]": interval, "recurring[interval_count]": count}
        made = self.world.call(
            "POST", "/v1/prices", product=product, unit_amount=amount, currency="usd", **recurring
        )
        return str(made["id"])

    def now(self) -> dict[str, Any]:
        return self.world.subscription(self.id)

    def pass_time(self, seconds: int) -> None:
        """Let time pass period by period, because the periods may have different
        lengths.
        """
        until = self.world.now + seconds
        while self.world.now < until:
            start, end = subscription_timers.period_of(self.now())
            step = min(until, end) - self.world.now
            self.used += Fraction(self._amount() * step, end - start)
            self.world.advance(step)

    def _amount(self) -> int:
        return int(self.now()["items"]["data"][0]["price"]["unit_amount"])

    def change(self, price: str, anchor: str) -> None:
        item = {
            "items[0][id]": self.now()["items"]["data"][0]["id"],
            "items[0][price]": self.prices[price],
        }
        wish = {**item, "proration_behavior": "always_invoice", **ANCHORS[anchor]}
        self.world.call("POST", f"/v1/subscriptions/{self.id}", **wish)
        self.changes += 1

    def check(self) -> None:
        """Check that charges minus credits equal the cost of the time until the period
        ends.
        """
        self.world.check()
        start, end = subscription_timers.period_of(self.now())
        rest = Fraction(self._amount() * (end - self.world.now), end - start)
        charged = sum(invoice["total"] for invoice in self.world.all("invoice"))
        assert [one for one in self.world.all("invoiceitem") if one["invoice"] is None] == []
        assert (
            abs(charged - (self.used + rest)) <= self.changes + 1
        )  # each change rounds two amounts: a credit and a charge


def live(steps: list[tuple[str, str, int]]) -> None:
    life = Life()
    for price, anchor, seconds in steps:
        life.pass_time(seconds)
        life.change(price, anchor)
        life.check()
    life.pass_time(40 * DAY)
    life.check()


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_who_changes_pays_for_the_time_of_each_price(steps):
    live(steps)


@pytest.mark.parametrize("anchor", sorted(ANCHORS))
def test_a_year_for_a_month_and_a_month_for_a_year(anchor):
    """The simulator once calculated these cases wrong."""
    live(
        [
            ("year", anchor, 10 * DAY),
            ("month", anchor, 100 * DAY),
            ("year", anchor, 3 * DAY),
            ("week", anchor, 9),
        ]
    )
