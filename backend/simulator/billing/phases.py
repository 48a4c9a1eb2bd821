"""A phase of a subscription schedule, and the subscription that enters it.

If a phase begins together with a period, only the items are exchanged, and the renewal
bills them. If a phase begins within a period, the phase is applied like any other
change (https://docs.stripe.com/billing/subscriptions/subscription-schedules).
"""

from simulator.billing import changes, coupons, subscription_timers
from simulator.billing.catalog import interval_of
from simulator.billing.items import ItemChange
from simulator.billing.reshaping import Change
from simulator.objects import Object
from simulator.shapes.subscription import items_of, new_item, plan_of
from simulator.shapes.subscription_schedule import new_phase, phase_item
from simulator.state.work import Work


def of_subscription(subscription: Object) -> Object:
    """Return the first phase of a schedule that takes over an existing subscription.

    The phase is the current period, with the current items and settings of the
    subscription.
    """
    start, end = subscription_timers.period_of(subscription)
    items = items_of_phase(subscription["items"]["data"])
    phase = new_phase(subscription["currency"], start, subscription["cancel_at"] or end, items)
    discounts = [
        {"coupon": None, "discount": one, "promotion_code": None}
        for one in subscription["discounts"]
    ]
    trial_end = subscription["trial_end"] if subscription["status"] == "trialing" else None
    return phase | {"discounts": discounts, "trial_end": trial_end}


def items_of_phase(items: list[Object]) -> list[Object]:
    return [phase_item(item["price"]["id"], item["quantity"], item["metadata"]) for item in items]


def enter_phase(
    work: Work, subscription: Object, phase: Object, proration_behavior: str | None = None
) -> Object:
    """Return the subscription with the items and settings of the phase.

    If the phase begins at the end of a period, the caller renews and stores the
    subscription.
    """
    fields = _fields(work, subscription, phase)
    if subscription["status"] in {"incomplete", "paused"} or _is_at_boundary(
        work, subscription, phase
    ):
        subscription |= fields
        exchange_items(work, subscription, phase)
        for item in subscription["items"]["data"]:
            work.put(
                {
                    "object": "subscription_item",
                    "id": item["id"],
                    "subscription": subscription["id"],
                }
            )
        return subscription
    wish = Change(
        _item_changes(work, subscription, phase),
        proration_behavior or phase["proration_behavior"],
        anchor="now" if phase["billing_cycle_anchor"] == "phase_start" else None,
        trial_end=_trial_end(phase, work.now),
        fields=fields,
    )
    return changes.change(work, subscription, wish)


def exchange_items(work: Work, subscription: Object, phase: Object) -> None:
    """Give the subscription the items of a phase that begins together with a period.

    Nothing has to be prorated then.
    """
    before = subscription["items"]["data"]
    after = _items(work, subscription, phase)
    subscription["items"] = items_of(subscription["id"], after)
    other = interval_of(before[0]["price"]) != interval_of(after[0]["price"])
    if other or phase["billing_cycle_anchor"] == "phase_start":
        subscription["billing_cycle_anchor"] = phase["start_date"]


def _is_at_boundary(work: Work, subscription: Object, phase: Object) -> bool:
    return (
        subscription_timers.period_of(subscription)[1] <= work.now
        and _trial_end(phase, work.now) is None
    )


def _trial_end(phase: Object, now: int) -> int | None:
    end: int | None = phase["end_date"] if phase["trial"] else phase["trial_end"]
    return end if end is not None and end > now else None


def _pairs(subscription: Object, phase: Object) -> list[tuple[Object, Object | None]]:
    """Pair each item of the phase with the subscription's item that it replaces, or
    `None`.

    Items with the same price form a pair. The others are paired in their order.
    """
    before = subscription["items"]["data"]
    wanted = {item["price"] for item in phase["items"]}
    by_price = {item["price"]["id"]: item for item in before}
    spare = [item for item in before if item["price"]["id"] not in wanted]
    return [
        (one, by_price.get(one["price"]) or (spare.pop(0) if spare else None))
        for one in phase["items"]
    ]


def _items(work: Work, subscription: Object, phase: Object) -> list[Object]:
    start, end = subscription_timers.period_of(subscription)
    after = []
    for one, known in _pairs(subscription, phase):
        price = work.get("price", one["price"])
        item = known
        if item is None:
            made = work.new_id("subscription_item")
            item = new_item(
                made, created=work.now, subscription=subscription["id"], price=price, quantity=1
            )
            item |= {"current_period_start": start, "current_period_end": end}
        metadata = item["metadata"] | one["metadata"]
        after.append(
            item
            | {
                "price": price,
                "plan": plan_of(price),
                "quantity": one["quantity"],
                "metadata": metadata,
            }
        )
    return after


def _item_changes(work: Work, subscription: Object, phase: Object) -> list[ItemChange]:
    pairs = _pairs(subscription, phase)
    found = [
        ItemChange(
            known["id"] if known else None,
            work.get("price", one["price"]),
            one["quantity"],
            one["metadata"],
        )
        for one, known in pairs
    ]
    kept = {known["id"] for _, known in pairs if known}
    gone = [item["id"] for item in subscription["items"]["data"] if item["id"] not in kept]
    return found + [ItemChange(identity, deleted=True) for identity in gone]


def _fields(work: Work, subscription: Object, phase: Object) -> Object:
    """Return the fields that the subscription gets from the phase.

    The phase's metadata is merged into the subscription's. The phase's discounts
    replace those of the subscription.
    """
    found: Object = {"metadata": subscription["metadata"] | phase["metadata"]}
    found |= {
        name: phase[name]
        for name in ("default_payment_method", "description")
        if phase[name] is not None
    }
    kept = [
        one["discount"]
        for one in phase["discounts"]
        if one["discount"] in subscription["discounts"]
    ]
    for old in subscription["discounts"]:
        if old not in kept:
            coupons.end_discount(work, old)
    customer, currency = subscription["customer"], subscription["currency"]
    sources = discount_sources(work, phase)
    kept += [
        coupons.redeem_discount(work, one, customer, subscription["id"], currency)["id"]
        for one in sources
    ]
    return found | {"discounts": kept}


def discount_sources(work: Work, phase: Object) -> list[Object]:
    """Return the coupons and promotion codes of a phase.

    Those that have been deleted are left out.
    """
    named = [
        ("promotion_code", one["promotion_code"])
        for one in phase["discounts"]
        if one["promotion_code"]
    ]
    named += [("coupon", one["coupon"]) for one in phase["discounts"] if one["coupon"]]
    found = [work.find(kind, identity) for kind, identity in named]
    return [one for one in found if one and not one.get("deleted")]
