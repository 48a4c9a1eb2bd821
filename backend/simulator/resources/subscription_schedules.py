"""Subscription schedules: https://docs.stripe.com/api/subscription_schedules."""

from stripe.params import (
    SubscriptionScheduleCancelParams,
    SubscriptionScheduleCreateParams,
    SubscriptionScheduleListParams,
    SubscriptionScheduleReleaseParams,
    SubscriptionScheduleRetrieveParams,
    SubscriptionScheduleUpdateParams,
)

from simulator.billing import endings, phases, standing, subscription_schedules
from simulator.billing.subscription_schedules import KIND, OPEN, START
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.protocol.lists import Test, created_within, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources import customers
from simulator.resources.schedule_params import end_behavior, moment, read_phases
from simulator.resources.subscription_params import own_payment_method, refuse_others
from simulator.shapes.subscription_schedule import schedule_fields
from simulator.state.work import Work

URL = "/v1/subscription_schedules"
STAMPS = ("canceled_at", "completed_at", "released_at")


@operation(f"POST {URL}", SubscriptionScheduleCreateParams)
def create(work: Work, params: Params) -> Object:
    refuse_others(params)
    return (
        _from_subscription(work, params)
        if "from_subscription" in params
        else _of_customer(work, params)
    )


def _from_subscription(work: Work, params: Params) -> Object:
    """Create a schedule for a subscription, without changing the subscription."""
    if other := next(
        (name for name in params if name not in {"from_subscription", "billing_mode", "expand"}),
        None,
    ):
        raise StripeError(f"You cannot set `{other}` if `from_subscription` is set.", param=other)
    subscription = work.get("subscription", params["from_subscription"], "from_subscription")
    work.use_clock_of(subscription)
    if subscription["schedule"]:
        raise StripeError(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"`{subscription['schedule']}`.",
            param="from_subscription",
        )
    if subscription["status"] in {*standing.ENDED, "incomplete"}:
        raise StripeError(
            f"You cannot migrate a subscription that is `{subscription['status']}`.",
            param="from_subscription",
        )
    if subscription["status"] == "paused":
        raise unsupported_feature(
            "from_subscription",
            "The simulator cannot schedule a paused subscription. Resume it first.",
        )
    found = _new(work, work.get("customer", subscription["customer"]))
    found |= {"subscription": subscription["id"], "phases": [phases.of_subscription(subscription)]}
    found["end_behavior"] = "release" if subscription["cancel_at"] is None else "cancel"
    subscription_schedules.make_phase_current(work, found, 0)
    subscription_schedules.announce_schedule(work, found, "created")
    subscription_schedules.take_over_subscription(work, found, subscription)
    return found


def _of_customer(work: Work, params: Params) -> Object:
    """Create a schedule that begins a new subscription, now or later."""
    customer = customers.named(work, params)
    start = moment(work, params, "start_date") or work.now
    if start < work.now:
        raise unsupported_feature("start_date", "The simulator cannot backdate a subscription.")
    found = _new(work, customer)
    found |= {
        "end_behavior": end_behavior(params),
        "phases": read_phases(work, params, customer, start),
    }
    _apply(work, found, params)
    work.put(found)
    if start > work.now:
        work.set_timer(START, found["id"], start)
    else:
        subscription_schedules.begin_first_phase(work, found)
    return subscription_schedules.announce_schedule(work, found, "created")


def _new(work: Work, customer: Object) -> Object:
    return work.new(
        KIND, customer=customer["id"], test_clock=customer["test_clock"], **schedule_fields()
    )


def _apply(work: Work, found: Object, params: Params) -> None:
    params.merge_metadata(found)
    settings = params.get("default_settings")
    if settings is None:
        return
    refuse_others(settings)
    settings.into(found["default_settings"], "billing_cycle_anchor", "description")
    if "default_payment_method" in settings:
        card = own_payment_method(work, settings, found["customer"])
        found["default_settings"]["default_payment_method"] = card


@operation(f"GET {URL}/{{id}}", SubscriptionScheduleRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get(KIND, identity)


@operation(f"POST {URL}/{{id}}", SubscriptionScheduleUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    """Replace the phases.

    The call must contain every phase in full: what it omits is removed.
    """
    found = _open(work, identity, "update", "updated")
    found["end_behavior"] = end_behavior(params, found["end_behavior"])
    _apply(work, found, params)
    proration = params.get("proration_behavior", "create_prorations")
    if "phases" in params:
        _replace_phases(work, found, params, proration)
    subscription_schedules.announce_schedule(work, found, "updated")
    if found["status"] == "active":
        subscription = work.get("subscription", found["subscription"])
        subscription_schedules.take_over_subscription(work, found, subscription)
        subscription_schedules.turn_to_next_phase(work, subscription)  # a phase may end now
    return found


def _replace_phases(work: Work, found: Object, params: Params, proration: str) -> None:
    customer = work.get("customer", found["customer"])
    first = params["phases"][0] if params["phases"] else None
    if found["status"] == "not_started":
        start = moment(work, first, "start_date") if first else None
        found["phases"] = read_phases(
            work, params, customer, start or found["phases"][0]["start_date"]
        )
        work.set_timer(START, found["id"], max(found["phases"][0]["start_date"], work.now))
        return
    place = subscription_schedules.place_of(found)
    begun = found["phases"][place]
    if first is None or moment(work, first, "start_date") != begun["start_date"]:
        raise StripeError(
            "The first phase must be the current phase, with the same `start_date`.",
            param="phases[0][start_date]",
        )
    new = read_phases(work, params, customer, begun["start_date"])
    found["phases"] = found["phases"][:place] + new
    subscription_schedules.make_phase_current(work, found, place)
    kept = ("items", "discounts", "trial_end")
    if any(new[0][name] != begun[name] for name in kept):
        phases.enter_phase(work, work.get("subscription", found["subscription"]), new[0], proration)


@operation(f"POST {URL}/{{id}}/release", SubscriptionScheduleReleaseParams)
def release(work: Work, params: Params, identity: str) -> Object:
    found = _open(work, identity, "release", "released")
    subscription_schedules.release_schedule(
        work, found, keeps_end=params.get("preserve_cancel_date", False)
    )
    return found


@operation(f"POST {URL}/{{id}}/cancel", SubscriptionScheduleCancelParams)
def cancel(work: Work, params: Params, identity: str) -> Object:
    """Cancel the schedule and its subscription immediately."""
    found = _open(work, identity, "cancel", "canceled")
    invoice_now, prorate = params.get("invoice_now", True), params.get("prorate", True)
    subscription = work.find("subscription", found["subscription"])
    if subscription is None:
        subscription_schedules.cancel_schedule(work, found)
        return found
    endings.cancel(
        work,
        subscription,
        prorate=prorate,
        invoice_now=invoice_now,
        reason="cancellation_requested",
    )
    return found


@operation(f"GET {URL}", SubscriptionScheduleListParams)
def list_all(work: Work, params: Params) -> Object:
    where = {"customer": params["customer"]} if "customer" in params else {}
    tests: list[Test] = [_stamped(params, name) for name in STAMPS if name in params]
    if params.get("scheduled"):
        tests.append(lambda one: one["status"] == "not_started")
    return list_page(work, params, KIND, URL, where, *tests)


def _stamped(params: Params, name: str) -> Test:
    within = created_within(params, name)
    return lambda found: found[name] is not None and within(found)


def _open(work: Work, identity: str, act: str, done: str) -> Object:
    found = work.get(KIND, identity)
    work.use_clock_of(found)
    if found["status"] not in OPEN:
        raise StripeError(
            f"You cannot {act} a subscription schedule that is currently in the "
            f"`{found['status']}` status. It must be in `not_started`, `active` status to be "
            f"{done}."
        )
    return found
