"""Price changes at the end of a period, made with Stripe's subscription schedules.

A schedule manages a subscription until the subscription is released:
https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from typing import TYPE_CHECKING, Any

from .calls import calling
from .reading import SCHEDULED, id_of, subscription_of
from .shapes import SeenPreview, SeenSubscription
from .writing import preview_of

if TYPE_CHECKING:
    import stripe

OPEN = ("not_started", "active")


def schedule_price(subscription_id: str, price_id: str, interval: str) -> SeenSubscription:
    """Schedule a different price, starting at the end of the current period.

    This replaces an earlier schedule. If the subscription was due to end with the
    period, the cancellation is undone. After the first period at the new price, Stripe
    releases the schedule automatically. It is safe to call this again.
    """
    with calling() as client:
        api = client.v1
        found = api.subscriptions.retrieve(subscription_id, {"expand": SCHEDULED})
        schedule: Any = found.schedule
        if schedule is None:
            if ending := _taken_back(found):
                api.subscriptions.update(subscription_id, ending)
            schedule = api.subscription_schedules.create({"from_subscription": subscription_id})
        phases: Any = _phases(
            schedule, found["items"].data[0].current_period_end, price_id, interval
        )
        api.subscription_schedules.update(
            schedule.id, {"phases": phases, "end_behavior": "release"}
        )
        return subscription_of(api.subscriptions.retrieve(subscription_id, {"expand": SCHEDULED}))


def _phases(schedule: Any, end: int, price_id: str, interval: str) -> list[dict[str, Any]]:
    """Return the current phase, which ends with the period, and the next phase.

    The request replaces all phases. Stripe drops whatever the request does not repeat,
    so the current phase's trial, discounts and card are sent again.
    """
    begun = schedule.current_phase.start_date
    phase = next(one for one in schedule.phases if one.start_date == begun)
    kept: dict[str, Any] = {"discounts": [_discount(one) for one in phase.discounts or []]}
    if phase.default_payment_method:
        kept["default_payment_method"] = id_of(phase.default_payment_method)
    items = [
        {"price": id_of(item.price), "quantity": item.quantity or 1} for item in phase["items"]
    ]
    trial = {"trial_end": phase.trial_end} if phase.trial_end else {}
    now = {"items": items, "start_date": begun, "end_date": end, **trial, **kept}
    then = {"items": [{"price": price_id, "quantity": items[0]["quantity"]}], **kept}
    return [
        now,
        then
        | {"duration": {"interval": interval, "interval_count": 1}, "proration_behavior": "none"},
    ]


def _discount(one: Any) -> dict[str, str]:
    names = ("discount", "promotion_code", "coupon")
    return next({name: str(id_of(one[name]))} for name in names if one[name])


def release_schedule(schedule_id: str) -> None:
    """Release a subscription from its schedule. The subscription itself is unchanged.

    If the schedule has ended, nothing happens. It is safe to call this again.
    """
    import stripe  # imported here, because the import would slow down startup

    with calling() as client:
        schedules = client.v1.subscription_schedules
        try:
            schedules.release(schedule_id, {"preserve_cancel_date": True})
        except stripe.InvalidRequestError:
            if schedules.retrieve(schedule_id).status in OPEN:
                raise


def find_subscription(subscription_id: str) -> SeenSubscription:
    with calling() as client:
        return subscription_of(
            client.v1.subscriptions.retrieve(subscription_id, {"expand": SCHEDULED})
        )


def preview_at_period_end(
    subscription_id: str, item_id: str, price_id: str, *, is_ending: bool
) -> SeenPreview:
    """Return the next period's invoice at this price.

    `is_ending` says whether the subscription is due to end with the current period.
    """
    details: Any = {"items": [{"id": item_id, "price": price_id}], "proration_behavior": "none"}
    with calling() as client:
        if is_ending:
            details |= _taken_back(client.v1.subscriptions.retrieve(subscription_id))
        wanted: Any = {"subscription": subscription_id, "subscription_details": details}
        return preview_of(client.v1.invoices.create_preview(wanted))


def _taken_back(found: "stripe.Subscription") -> Any:
    """Return the parameters that undo a cancellation.

    Stripe accepts only the parameter that requested the cancellation.
    """
    if found.cancel_at_period_end:
        return {"cancel_at_period_end": False}
    return {"cancel_at": ""} if found.cancel_at else {}
