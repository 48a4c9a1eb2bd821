"""Subscriptions: created, changed, paused, resumed, canceled and listed."""

from typing import Any

from stripe.params import (
    SubscriptionCancelParams,
    SubscriptionCreateParams,
    SubscriptionDeleteDiscountParams,
    SubscriptionListParams,
    SubscriptionPauseParams,
    SubscriptionResumeParams,
    SubscriptionRetrieveParams,
    SubscriptionUpdateParams,
)

from simulator.billing import (
    changes,
    coupons,
    endings,
    pausing,
    renewal,
    standing,
    subscription_schedules,
    subscriptions,
)
from simulator.billing.catalog import interval_of
from simulator.billing.reshaping import Change
from simulator.billing.subscriptions import Order
from simulator.durations import DAY
from simulator.objects import Object
from simulator.protocol.errors import StripeError, missing_object, unsupported_feature
from simulator.protocol.lists import Test, created_within, equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources import customers
from simulator.resources.subscription_params import (
    cancellation,
    new_items,
    own_payment_method,
    plain_fields,
    read_change,
    refuse_others,
)
from simulator.state.work import Work

URL = "/v1/subscriptions"
TIMERS = renewal  # importing this module registers the timers' actions


@operation("POST /v1/subscriptions", SubscriptionCreateParams)
def create(work: Work, params: Params) -> Object:
    refuse_others(params)
    customer = customers.named(work, params)
    subscription = subscriptions.start(work, read_order(work, params, customer))
    return _set_ending(work, subscription, params)


def read_order(work: Work, params: Params, customer: Object) -> Order:
    behavior = params.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete":
        raise StripeError(
            "`pending_if_incomplete` applies to updates of a subscription.",
            param="payment_behavior",
        )
    fields = plain_fields(params, {"metadata": {}})
    if "default_payment_method" in params:
        fields["default_payment_method"] = own_payment_method(work, params, customer["id"])
    items = new_items(work, params)
    trial_end = read_trial_end(params, work.now, items[0].price if items else None)
    return Order(
        customer,
        items,
        payment_behavior=behavior,
        off_session=params.get("off_session", False),
        trial_end=trial_end,
        anchor=_anchor(params, work.now, items[0].price if items else None, trial_end),
        prorates=params.get("proration_behavior", "create_prorations") != "none",
        discounts=coupons.named_discounts(work, params.get("discounts") or [], customer["id"]),
        fields=fields,
    )


def read_trial_end(params: Params, now: int, price: Object | None) -> int | None:
    end, days = params.get("trial_end"), params.get("trial_period_days")
    if end and days:
        raise StripeError(
            "You can only pass one of `trial_end` and `trial_period_days`.", param="trial_end"
        )
    if params.get("trial_from_plan") and price and days is None:
        days = price["recurring"].get("trial_period_days")
    if days is not None and days < 1 and "trial_period_days" in params:
        raise StripeError(
            "The minimum number of trial period days is 1.", param="trial_period_days"
        )
    if isinstance(end, int) and end < now:
        raise StripeError(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end"
        )
    if end == "now":
        return None
    return now + days * DAY if days else end


def _anchor(params: Params, now: int, price: Object | None, trial_end: int | None) -> int | None:
    """Return the anchor, which is the end of the first period.

    The anchor is at most one period from now, unless there is a trial.
    """
    anchor: int | None = params.get("billing_cycle_anchor")
    if anchor is None or price is None:
        return None
    if anchor < now:
        raise StripeError(
            "`billing_cycle_anchor` must be in the future.", param="billing_cycle_anchor"
        )
    if trial_end not in {None, anchor}:
        raise unsupported_feature(
            "billing_cycle_anchor",
            "The simulator cannot bill a partial period between a trial and a later anchor.",
        )
    latest = interval_of(price).after(now, 1)
    if anchor > latest and trial_end is None:
        raise StripeError(
            f"billing_cycle_anchor cannot be later than next natural billing date ({latest}) for "
            "plan",
            param="billing_cycle_anchor",
        )
    return anchor


def _set_ending(work: Work, subscription: Object, params: Params) -> Object:
    """Apply `cancel_at` and `cancel_at_period_end` to a new subscription.

    These parameters belong to the call that creates the subscription.
    """
    fields = cancellation(params, subscription, work.now)
    return changes.change(work, subscription, Change(fields=fields)) if fields else subscription


@operation("GET /v1/subscriptions/{id}", SubscriptionRetrieveParams)
def retrieve(work: Work, _: Params, subscription: str) -> Object:
    return work.get("subscription", subscription)


@operation("POST /v1/subscriptions/{id}", SubscriptionUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    refuse_others(params)
    subscription = _found(work, identity)
    if subscription["status"] in standing.ENDED and set(params) - {
        "metadata",
        "cancellation_details",
        "expand",
    }:
        raise StripeError(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
        )
    if "cancel_at" in params or "cancel_at_period_end" in params:
        subscription_schedules.refuse_cancellation(subscription)
    wish = read_change(work, params, subscription)
    if _stops(work, subscription, wish):
        return subscription
    changed = changes.change(work, subscription, wish)
    subscription_schedules.follow_direct_change(work, changed)
    return changed


def _stops(work: Work, subscription: Object, wish: Change) -> bool:
    """Stop a subscription whose trial ends now, if it has no card.

    Returns whether the subscription has stopped. In that case, the call is refused if
    it would also change the cost.
    """
    ends = (
        wish.trial_end is not None
        and wish.trial_end <= work.now
        and standing.in_trial(subscription, work.now)
    )
    if not ends or not pausing.stops_without_card(work, subscription, wish.fields):
        return False
    if wish.items or wish.anchor == "now" or wish.discounts:
        raise unsupported_feature(
            "trial_end",
            "The simulator cannot change a subscription that stops because it has no card.",
        )
    return True


@operation("DELETE /v1/subscriptions/{id}", SubscriptionCancelParams)
def cancel(work: Work, params: Params, identity: str) -> Object:
    subscription = _found(work, identity)
    if subscription["status"] in standing.ENDED:
        raise missing_object("subscription", identity)
    if details := params.whole("cancellation_details"):
        subscription["cancellation_details"] = subscription["cancellation_details"] | details
    return endings.cancel(
        work,
        subscription,
        prorate=params.get("prorate", False),
        invoice_now=params.get("invoice_now", False),
        reason="cancellation_requested",
    )


@operation("POST /v1/subscriptions/{id}/resume", SubscriptionResumeParams)
def resume(work: Work, params: Params, identity: str) -> Object:
    if params.get("payment_behavior", "resume_on_payment_attempt") != "resume_on_payment_attempt":
        raise unsupported_feature("payment_behavior")
    subscription = _found(work, identity)
    anchor: Any = params.get("billing_cycle_anchor", {"type": "now"})
    behavior = params.get("proration_behavior", "create_prorations")
    return pausing.resume(
        work, subscription, restarts=anchor["type"] == "now", prorates=behavior != "none"
    )


@operation("POST /v1/subscriptions/{id}/pause", SubscriptionPauseParams)
def pause(work: Work, params: Params, identity: str) -> Object:
    params.accept("type")  # only one type exists
    if params.get("invoicing_behavior", "pending_invoice_item") != "pending_invoice_item":
        raise unsupported_feature("invoicing_behavior")
    asked: Any = (params.get("bill_for") or {}).get("unused_time_from", {"type": "now"})
    if asked["type"] == "item_current_period_start":
        raise unsupported_feature("bill_for[unused_time_from]")
    subscription = _found(work, identity)
    return pausing.pause(work, subscription, "pause_requested", credits_time=asked["type"] == "now")


@operation("DELETE /v1/subscriptions/{id}/discount", SubscriptionDeleteDiscountParams)
def delete_discount(work: Work, _: Params, identity: str) -> Object:
    subscription = _found(work, identity)
    if not subscription["discounts"]:
        raise StripeError(
            "No active discount for this subscription.", status=404, code="resource_missing"
        )
    last = subscription["discounts"][-1]
    subscription["discounts"] = subscription["discounts"][:-1]
    coupons.end_discount(work, last)
    standing.store_and_announce(work, subscription)
    return work.get("discount", last) | {"deleted": True}


@operation("GET /v1/subscriptions", SubscriptionListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {"customer": params["customer"]} if "customer" in params else {}
    tests = [*equals(params, "collection_method", "test_clock"), *_by_status(params.get("status"))]
    tests += [
        _in_period(params, name)
        for name in ("current_period_start", "current_period_end")
        if name in params
    ]
    tests += [_has_price(params[name]) for name in ("price", "plan") if name in params]
    return list_page(work, params, "subscription", URL, where, *tests)


def _in_period(params: Params, name: str) -> Test:
    within = created_within(params, name)
    return lambda subscription: within(subscription["items"]["data"][0])


def _has_price(price: str) -> Test:
    return lambda subscription: any(
        item["price"]["id"] == price for item in subscription["items"]["data"]
    )


def _by_status(wanted: str | None) -> list[Test]:
    """Return the test of the status, if any.

    If the call names no status, the test excludes subscriptions that have ended.
    """
    match wanted:
        case "all":
            return []
        case "ended":
            return [lambda one: one["status"] in standing.ENDED]
        case None:
            return [lambda one: one["status"] not in standing.ENDED]
        case _:
            return [lambda one: one["status"] == wanted]


def _found(work: Work, identity: str) -> Object:
    subscription = work.get("subscription", identity)
    work.use_clock_of(subscription)
    return subscription
