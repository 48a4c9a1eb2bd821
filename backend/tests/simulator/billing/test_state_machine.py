"""People and time act on subscriptions in random sequences.

After each step, the invariants of the simulator must hold.
"""

import contextlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    consumes,
    rule,
    run_state_machine_as_test,
)

from simulator.protocol.errors import StripeError
from tests.simulator.billing.people import DAY, PRICES, People


class Subscriptions(People):
    @rule(subscription=People.subscriptions, at_end=st.booleans())
    def end_with_period(self, subscription: str, at_end: bool) -> None:  # noqa: FBT001 - hypothesis names it
        with contextlib.suppress(StripeError):
            self.world.call(
                "POST",
                f"/v1/subscriptions/{subscription}",
                cancel_at_period_end=str(at_end).lower(),
            )

    @rule(
        subscription=consumes(People.subscriptions),
        prorate=st.booleans(),
        invoice_now=st.booleans(),
    )
    def cancel(self, subscription: str, prorate: bool, invoice_now: bool) -> None:  # noqa: FBT001 - as above
        with contextlib.suppress(StripeError):
            self.world.call(
                "DELETE",
                f"/v1/subscriptions/{subscription}",
                prorate=str(prorate).lower(),
                invoice_now=str(invoice_now).lower(),
            )

    @rule(
        subscription=People.subscriptions,
        days=st.sampled_from([None, 0, 5, 40]),
        anchor=st.sampled_from(["", "now", "unchanged"]),
        price=st.sampled_from(["", *sorted(PRICES)]),
        proration=st.sampled_from(["always_invoice", "create_prorations", "none"]),
    )
    def move_cycle(
        self, subscription: str, days: int | None, anchor: str, price: str, proration: str
    ) -> None:
        """Begin, move or end a trial, with or without a new anchor and another
        price.
        """
        wish = {"proration_behavior": proration}
        if days is not None:
            wish["trial_end"] = str(self.world.now + days * DAY) if days else "now"
        if anchor:
            wish["billing_cycle_anchor[type]"] = anchor
        if price:
            item = self.world.subscription(subscription)["items"]["data"][0]["id"]
            wish |= {"items[0][id]": item, "items[0][price]": self.prices[price]}
        with contextlib.suppress(StripeError):
            self.world.call("POST", f"/v1/subscriptions/{subscription}", **wish)

    @rule(
        subscription=People.subscriptions,
        price=st.sampled_from(["", *sorted(PRICES)]),
        days=st.sampled_from([0, 0, 10, 70]),
        behavior=st.sampled_from(["release", "cancel"]),
    )
    def schedule(self, subscription: str, price: str, days: int, behavior: str) -> None:
        """Schedule another price for the end of the period or some days from now, or
        cancel such a schedule.
        """
        call = self.world.call
        found = self.world.subscription(subscription)["schedule"]
        with contextlib.suppress(StripeError):
            if not price:
                call("POST", f"/v1/subscription_schedules/{found}/release")
                return
            made = (
                found
                or call("POST", "/v1/subscription_schedules", from_subscription=subscription)["id"]
            )
            whole = call("GET", f"/v1/subscription_schedules/{made}")
            phase = next(
                one
                for one in whole["phases"]
                if one["start_date"] == whole["current_phase"]["start_date"]
            )
            end = self.world.now + days * DAY if days else phase["end_date"]
            wish = {"phases[0][start_date]": phase["start_date"], "phases[0][end_date]": end}
            for place, item in enumerate(phase["items"]):
                wish |= {
                    f"phases[0][items][{place}][{name}]": item[name]
                    for name in ("price", "quantity")
                }
            for place, discount in enumerate(phase["discounts"]):
                wish |= {f"phases[0][discounts][{place}][discount]": discount["discount"]}
            wish |= {"phases[1][items][0][price]": self.prices[price], "end_behavior": behavior}
            call("POST", f"/v1/subscription_schedules/{made}", **wish)

    @rule(subscription=People.subscriptions, resumes=st.booleans())
    def pause_or_resume(self, subscription: str, resumes: bool) -> None:  # noqa: FBT001 - as above
        with contextlib.suppress(StripeError):
            self.world.call(
                "POST", f"/v1/subscriptions/{subscription}/{'resume' if resumes else 'pause'}"
            )

    @rule(
        subscription=People.subscriptions,
        behavior=st.sampled_from(["", "void", "keep_as_draft", "mark_uncollectible"]),
    )
    def pause_collection(self, subscription: str, behavior: str) -> None:
        wish = {"pause_collection[behavior]": behavior} if behavior else {"pause_collection": ""}
        with contextlib.suppress(StripeError):
            self.world.call("POST", f"/v1/subscriptions/{subscription}", **wish)

    @rule(subscription=People.subscriptions, coupon=st.sampled_from(["", "third", "once"]))
    def discount(self, subscription: str, coupon: str) -> None:
        wish = {"discounts[0][coupon]": coupon} if coupon else {"discounts": ""}
        with contextlib.suppress(StripeError):
            self.world.call("POST", f"/v1/subscriptions/{subscription}", **wish)

    @rule(data=st.data(), act=st.sampled_from(["pay", "void", "mark_uncollectible", "finalize"]))
    def handle_invoice(self, data: st.DataObject, act: str) -> None:
        waiting = [
            one["id"]
            for one in self.world.all("invoice")
            if one["status"] in {"draft", "open", "uncollectible"}
        ]
        self.world.voided_by_hand |= act == "void"
        if waiting:
            with contextlib.suppress(StripeError):
                self.world.call("POST", f"/v1/invoices/{data.draw(st.sampled_from(waiting))}/{act}")

    @rule(seconds=st.one_of(st.sampled_from([1, 3600, 23 * 3600, DAY]), st.integers(1, 45 * DAY)))
    def time_passes(self, seconds: int) -> None:
        self.world.advance(seconds)

    @rule(months=st.integers(1, 3))
    def months_pass(self, months: int) -> None:
        self.world.advance(months * 32 * DAY)


def test_subscriptions_in_any_order():
    run_state_machine_as_test(
        Subscriptions, settings=settings(max_examples=25, stateful_step_count=20)
    )


@pytest.mark.long
def test_subscriptions_in_any_order_at_length():
    run_state_machine_as_test(
        Subscriptions, settings=settings(max_examples=300, stateful_step_count=30)
    )
