"""The customers of a shop save cards, subscribe and change their plan.

`test_state_machine` adds everything else that can happen to a subscription.
"""

import contextlib
from calendar import monthrange
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from simulator.protocol.errors import StripeError
from tests.simulator.billing.world import World

NOW = 1_769_860_800  # 2026-01-31 12:00 UTC, so that months end early
DAY = 86_400
PRICES = {
    "free": (0, "month"),
    "small": (999, "month"),
    "large": (4999, "month"),
    "yearly": (9000, "year"),
}
CARDS = ("visa", "chargeCustomerFail", "authenticationRequired", "authenticationRequiredOnSetup")


def half_up(exact: Fraction) -> int:
    """Round a half away from zero, independently of the simulator's code."""
    return int(exact + Fraction(1, 2)) if exact >= 0 else -int(-exact + Fraction(1, 2))


def month_before(moment: int) -> int:
    """Return the same day of the previous month, or its last day."""
    end = datetime.fromtimestamp(moment, UTC)
    year, month = (end.year - 1, 12) if end.month == 1 else (end.year, end.month - 1)
    return int(
        end.replace(
            year=year, month=month, day=min(end.day, monthrange(year, month)[1])
        ).timestamp()
    )


class People(RuleBasedStateMachine):
    subscriptions = Bundle("subscriptions")

    @initialize()
    def open_shop(self) -> None:
        self.world = World(NOW)
        call = self.world.call
        product = call("POST", "/v1/products", name="Pro")["id"]
        self.prices = {
            name: call(
                "POST",
                "/v1/prices",
                product=product,
                unit_amount=amount,
                currency="usd",
                **{"recurring[interval]": interval},
            )["id"]
            for name, (amount, interval) in PRICES.items()
        }
        call(
            "POST",
            "/v1/coupons",
            id="third",
            percent_off="33.3",
            duration="repeating",
            duration_in_months=2,
        )
        call("POST", "/v1/coupons", id="once", amount_off="500", currency="usd", duration="once")
        self.customer = call("POST", "/v1/customers", email="ada@example.com")["id"]
        self.take_card("visa")

    @rule(card=st.sampled_from(CARDS))
    def take_card(self, card: str) -> None:
        path = f"/v1/payment_methods/pm_card_{card}/attach"
        method = self.world.call("POST", path, customer=self.customer)["id"]
        default = {"invoice_settings[default_payment_method]": method}
        self.world.call("POST", f"/v1/customers/{self.customer}", **default)

    @rule(
        target=subscriptions,
        price=st.sampled_from(sorted(PRICES)),
        quantity=st.integers(1, 3),
        trial=st.sampled_from([0, 0, 1, 10]),
        coupon=st.sampled_from(["", "", "third", "once"]),
        behavior=st.sampled_from(["allow_incomplete", "error_if_incomplete", "default_incomplete"]),
    )
    def start(self, price: str, quantity: int, trial: int, coupon: str, behavior: str) -> Any:
        order: dict[str, Any] = {
            "items[0][price]": self.prices[price],
            "items[0][quantity]": quantity,
        }
        order |= {"customer": self.customer, "payment_behavior": behavior}
        order |= {"trial_period_days": trial} if trial else {}
        order |= {"discounts[0][coupon]": coupon} if coupon else {}
        try:
            return self.world.call("POST", "/v1/subscriptions", **order)["id"]
        except StripeError:
            if behavior != "error_if_incomplete":
                raise
            return multiple()

    @rule(
        subscription=subscriptions,
        price=st.sampled_from(sorted(PRICES)),
        quantity=st.integers(1, 3),
        proration=st.sampled_from(["always_invoice", "create_prorations", "none"]),
        behavior=st.sampled_from(
            [
                "allow_incomplete",
                "default_incomplete",
                "pending_if_incomplete",
                "error_if_incomplete",
            ]
        ),
    )
    def change(
        self, subscription: str, price: str, quantity: int, proration: str, behavior: str
    ) -> None:
        before = self.world.subscription(subscription)
        item = before["items"]["data"][0]
        wish = {
            "items[0][id]": item["id"],
            "items[0][price]": self.prices[price],
            "items[0][quantity]": quantity,
        }
        expected = self.expected_lines(before, price, quantity) if proration != "none" else None
        known = len(self.world.charges_for_time(item["id"]))
        preview = {
            f"subscription_details[{key.replace('[', '][', 1)}": value
            for key, value in wish.items()
        }
        preview |= {
            "subscription": subscription,
            "subscription_details[proration_behavior]": proration,
        }
        shown = None
        with contextlib.suppress(StripeError):
            shown = self.world.call("POST", "/v1/invoices/create_preview", **preview)
        try:
            after = self.world.call(
                "POST",
                f"/v1/subscriptions/{subscription}",
                proration_behavior=proration,
                payment_behavior=behavior,
                **wish,
            )
        except StripeError:
            return
        new = self.world.charges_for_time(item["id"])[known:]
        if expected is not None and not before.get("_pending"):
            assert [one["amount"] for one in new] == expected
        latest = after["latest_invoice"]
        if shown and latest != before["latest_invoice"] and not before.get("_pending"):
            with self.world.store.work() as work:
                lines = work.get("invoice", latest)["lines"]["data"]
            assert [line["amount"] for line in lines] == [
                line["amount"] for line in shown["lines"]["data"]
            ]

    def expected_lines(self, before: dict[str, Any], price: str, quantity: int) -> list[int] | None:
        """Return the lines that a change in a running month adds. They are calculated
        from the earlier lines and the prices.

        The result is `None` if the change begins a new cycle or adds no lines. For
        these cases, other tests compare amounts that were calculated by hand.
        """
        item, now = before["items"]["data"][0], self.world.now
        amount, interval = PRICES[price]
        old = item["price"]["unit_amount"] * item["quantity"]
        if (
            before["status"] not in {"active", "past_due"}
            or item["price"]["recurring"]["interval"] != "month"
        ):
            return None
        if interval != "month" or before["discounts"] or (not old and amount):
            return None
        if (item["price"]["id"], item["quantity"]) == (self.prices[price], quantity):
            return []
        debit = None
        for one in self.world.charges_for_time(item["id"]):
            debit = None if one["amount"] < 0 else one
        start, end = item["current_period_start"], item["current_period_end"]
        credit = 0
        if debit and debit["end"] > now:
            part = Fraction(debit["end"] - max(now, debit["start"]), debit["end"] - debit["start"])
            credit = -half_up(debit["amount"] * part)
        if start != month_before(end) and before["billing_cycle_anchor"] != start:
            start = month_before(end)  # the anchor's day made this period shorter than a month
        return [
            *([credit] if credit else []),
            half_up(amount * quantity * Fraction(end - now, end - start)),
        ]

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "world"):
            self.world.check()
