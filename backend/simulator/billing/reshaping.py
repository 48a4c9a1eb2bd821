"""The effect of a change on a running subscription before money moves.

A change may bring new prices and quantities, a new cycle, a trial, and prorations.

https://docs.stripe.com/billing/subscriptions/change, .../prorations, .../billing-cycle
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.billing import coupons, cycle, lines, standing, subscription_timers
from simulator.billing.catalog import cost, interval_of
from simulator.billing.discounts import Discountable, reductions_by_line
from simulator.billing.items import ItemChange, items_after
from simulator.billing.periods import Period
from simulator.billing.proration import remaining
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.shapes.subscription import items_of
from simulator.state.work import Work, plain_copy


@dataclass
class Change:
    """A change that a caller asks for.

    With `discounts=None`, the subscription keeps its discounts. An empty list ends
    them. `fields` are stored in the subscription as they are. With `anchor=None`,
    Stripe's rules decide whether a new cycle begins.
    """

    items: list[ItemChange] = field(default_factory=list)
    proration_behavior: str = "create_prorations"
    proration_date: int | None = None
    anchor: Literal["now", "unchanged"] | None = None
    trial_end: int | None = None
    payment_behavior: str = "allow_incomplete"
    off_session: bool = False
    discounts: list[Object] | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def bills(self) -> bool:
        return bool(self.items) or self.anchor == "now" or self.trial_end is not None


@dataclass
class Effect:
    """The result of a change before money moves.

    If `invoices_now` is true, an invoice is created now, with `lines` and all pending
    items.
    """

    wanted: Object
    invoices_now: bool = False
    lines: list[Object] = field(default_factory=list)
    at: int = 0


def reshape(work: Work, subscription: Object, wish: Change) -> Effect:
    """Return the changed subscription, and the pending items that bill the change.

    No payment is tried yet.
    """
    wanted: Object = plain_copy(subscription)
    wanted |= wish.fields
    _redeem(work, wanted, wish.discounts)
    if not wish.bills:
        return Effect(wanted)
    at = _proration_date(subscription, wish, work.now)
    before = subscription["items"]["data"]
    after = items_after(work, wanted, wish.items)
    wanted["items"] = items_of(wanted["id"], after)
    if wish.trial_end is not None:
        return _trial(work, wanted, wish, Effect(wanted, at=at), before)
    if standing.in_trial(wanted, work.now):
        _keeps_trial(wish)
        return Effect(wanted)
    if wish.anchor == "now" or (wish.anchor is None and _needs_restart(before, after)):
        return _restart(work, wanted, wish, Effect(wanted, at=at), before)
    return _prorate(work, wanted, wish, Effect(wanted, at=at), before)


def _proration_date(subscription: Object, wish: Change, now: int) -> int:
    start, end = subscription_timers.period_of(subscription)
    if wish.proration_date is None:
        return min(now, end)
    if not start <= wish.proration_date <= end:
        raise StripeError(
            "Cannot specify `proration_date` outside of the current period.", param="proration_date"
        )
    return wish.proration_date


def _needs_restart(before: list[Object], after: list[Object]) -> bool:
    """Return whether a new cycle begins.

    A new cycle begins if the interval changes, or if the subscription was free until
    now.
    """
    if interval_of(before[0]["price"]) != interval_of(after[0]["price"]):
        return True
    return not _price_of(before) and bool(_price_of(after))


def _price_of(items: list[Object]) -> int:
    return sum(cost(item["price"], item["quantity"]) for item in items)


def _trial(
    work: Work, wanted: Object, wish: Change, effect: Effect, before: list[Object]
) -> Effect:
    """Begin, move or end a trial.

    If the customer has already paid for the time of a new trial, this time is credited.
    """
    assert wish.trial_end is not None
    was_in_trial = standing.in_trial(wanted, work.now)
    if wish.trial_end <= work.now:
        return _without_trial(work, wanted, wish, effect, before)
    _keeps_trial(wish)
    if not was_in_trial:
        _credit(work, wanted, wish, before, effect.at)
        wanted["trial_start"] = work.now
    wanted |= {
        "trial_end": wish.trial_end,
        "billing_cycle_anchor": wish.trial_end,
        "status": "trialing",
    }
    start = subscription_timers.period_of(wanted)[0] if was_in_trial else work.now
    period = Period(start, wish.trial_end)
    cycle.enter_period(wanted, period)
    if not was_in_trial:
        effect.lines = [lines.trial(work, wanted, item, period) for item in wanted["items"]["data"]]
        effect.invoices_now = True
    return effect


def _keeps_trial(wish: Change) -> None:
    """Refuse a change that would begin a new cycle while the trial continues."""
    if wish.anchor == "now":
        raise unsupported_feature(
            "billing_cycle_anchor", "The simulator cannot begin a new cycle during a trial."
        )


def _without_trial(
    work: Work, wanted: Object, wish: Change, effect: Effect, before: list[Object]
) -> Effect:
    """Handle `trial_end=now`, whether or not the subscription is in a trial.

    If there is no trial, the anchor stays, unless the change asks for a new one. It
    stays even if the new price has another interval, as responses from Stripe show.
    """
    was_in_trial = standing.in_trial(wanted, work.now)
    if was_in_trial:
        wanted |= {"trial_end": work.now, "status": "active"}
    if wish.anchor == "now" or (was_in_trial and wish.anchor is None):
        return _restart(work, wanted, wish, effect, before)
    if not was_in_trial:
        return _prorate(work, wanted, wish, effect, before)
    whole = cycle.period_at(wanted, work.now)
    cycle.enter_period(wanted, whole)
    period = Period(work.now, whole.end)
    effect.lines = [
        lines.recurring(
            work,
            wanted,
            item,
            period,
            remaining(cost(item["price"], item["quantity"]), whole, work.now),
        )
        for item in wanted["items"]["data"]
    ]
    effect.invoices_now = True
    return effect


def _restart(
    work: Work, wanted: Object, wish: Change, effect: Effect, before: list[Object]
) -> Effect:
    """Begin a new cycle now.

    Unused time of the old cycle is credited, and the first period is invoiced
    immediately.
    """
    _credit(work, wanted, wish, before, effect.at)
    wanted["billing_cycle_anchor"] = work.now
    period = cycle.period_at(wanted, work.now)
    cycle.enter_period(wanted, period)
    effect.lines = [lines.recurring(work, wanted, item, period) for item in wanted["items"]["data"]]
    effect.invoices_now = True
    return effect


def _credit(work: Work, wanted: Object, wish: Change, before: list[Object], at: int) -> bool:
    """Credit the unused time, and return whether there was any."""
    if wish.proration_behavior == "none":
        return False
    found = [lines.credit(work, wanted, item, at) for item in before]
    return any(found)


def _prorate(
    work: Work, wanted: Object, wish: Change, effect: Effect, before: list[Object]
) -> Effect:
    """Keep the anchor of the cycle, and prorate the change.

    The unused time of each replaced item is credited, and the rest of the period of
    each new item is charged.
    """
    if interval_of(before[0]["price"]) != interval_of(wanted["items"]["data"][0]["price"]):
        cycle.enter_period(wanted, cycle.period_at(wanted, work.now))
    if wish.proration_behavior == "none":
        return effect
    old = {item["id"]: item for item in before}
    new = {item["id"]: item for item in wanted["items"]["data"]}
    changed = [one for one in old.keys() | new.keys() if not _same(old.get(one), new.get(one))]
    ordered = sorted(changed, key=[*old, *new].index)
    found = _credit(work, wanted, wish, [old[one] for one in ordered if one in old], effect.at)
    prices = _net_prices(work, wanted)
    period = cycle.period_at(wanted, subscription_timers.period_of(wanted)[0])
    at = max(effect.at, period.start)
    for one in ordered:
        if one in new:
            amount = remaining(prices[one], period, at)
            _, wanted["_debits"][one] = lines.charge(work, wanted, new[one], amount, at)
            found = True
    effect.invoices_now = found and wish.proration_behavior == "always_invoice"
    return effect


def _same(old: Object | None, new: Object | None) -> bool:
    return bool(
        old
        and new
        and old["price"]["id"] == new["price"]["id"]
        and old["quantity"] == new["quantity"]
    )


def _net_prices(work: Work, wanted: Object) -> dict[str, int]:
    """Return what one period of each item costs after the current discounts."""
    items = wanted["items"]["data"]
    gross = [
        Discountable(cost(item["price"], item["quantity"]), item["price"]["product"])
        for item in items
    ]
    running = coupons.running_discounts(work, wanted["discounts"], work.now)
    reductions = [
        coupons.reduction(work, work.get("discount", one), wanted["currency"]) for one in running
    ]
    taken = reductions_by_line(gross, reductions)
    return {
        item["id"]: each.amount - sum(amount for _, amount in off)
        for item, each, off in zip(items, gross, taken, strict=True)
    }


def _redeem(work: Work, wanted: Object, sources: list[Object] | None) -> None:
    if sources is None:
        return
    for discount in wanted["discounts"]:
        coupons.end_discount(work, discount)
    wanted["discounts"] = [
        coupons.redeem_discount(work, one, wanted["customer"], wanted["id"], wanted["currency"])[
            "id"
        ]
        for one in sources
    ]
