"""The transition from one period to the next."""

from simulator.billing import coupons, invoices, lines, subscription_timers
from simulator.billing.catalog import interval_of
from simulator.billing.invoices import Plan
from simulator.billing.periods import Period
from simulator.objects import Object
from simulator.state.work import Work


def period_at(subscription: Object, at: int) -> Period:
    return interval_of(subscription["items"]["data"][0]["price"]).period(
        subscription["billing_cycle_anchor"], at
    )


def enter_period(subscription: Object, period: Period) -> None:
    """Make this the current period of the subscription.

    If the subscription is set to end with its period, its end is now the end of this
    period.
    """
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = period.end
    for item in subscription["items"]["data"]:
        item |= {"current_period_start": period.start, "current_period_end": period.end}


def plan_period_invoice(
    work: Work, subscription: Object, at: int, reason: str = "subscription_cycle"
) -> Plan:
    """Return the plan of the invoice for the period that begins at `at`.

    The invoice charges the whole period in advance. The invoice also has the items that
    are still pending from the previous period.
    """
    period = period_at(subscription, at)
    return Plan(
        work.get("customer", subscription["customer"]),
        subscription["currency"],
        reason,
        subscription,
        lines=[
            lines.recurring(work, subscription, item, period)
            for item in subscription["items"]["data"]
        ],
        pending=invoices.pending_items(work, subscription["id"]),
        discounts=coupons.running_discounts(work, subscription["discounts"], at),
        period=subscription_timers.period_of(subscription),
    )
