"""The life of a subscription schedule, whose phases apply to its subscription in order.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from simulator.billing import phases, standing, subscription_timers, subscriptions
from simulator.billing.subscriptions import Order, Wanted
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.state.work import Work, plain_copy

KIND = "subscription_schedule"
TURN, START = "subscription_schedule.turn", "subscription_schedule.start"
OPEN = frozenset({"not_started", "active"})


def of(work: Work, subscription: Object) -> Object | None:
    """Return the schedule that manages a subscription."""
    return work.find(KIND, subscription["schedule"]) if subscription["schedule"] else None


def announce_schedule(work: Work, found: Object, event: str) -> Object:
    work.put(found)
    work.emit(f"{KIND}.{event}", found)
    return found


def place_of(found: Object) -> int:
    """Return the position of the current phase in the list of phases."""
    starts = [phase["start_date"] for phase in found["phases"]]
    return starts.index(found["current_phase"]["start_date"])


def make_phase_current(work: Work, found: Object, place: int) -> None:
    """Make this phase the current one. The caller stores and announces the schedule."""
    phase = found["phases"][place]
    found |= {
        "current_phase": {"start_date": phase["start_date"], "end_date": phase["end_date"]},
        "status": "active",
    }
    work.set_timer(TURN, found["id"], max(phase["end_date"], work.now))


def take_over_subscription(work: Work, found: Object, subscription: Object) -> None:
    """Let this schedule manage the subscription, and set when the subscription ends."""
    subscription["schedule"] = found["id"]
    end = found["phases"][-1]["end_date"] if found["end_behavior"] == "cancel" else None
    if end != subscription["cancel_at"]:
        canceled_at = None if end is None else work.now
        subscription |= {
            "cancel_at": end,
            "cancel_at_period_end": False,
            "canceled_at": canceled_at,
        }
    standing.store_and_announce(work, subscription)
    if subscription["status"] != "paused":
        subscription_timers.set_period_timer(work, subscription)


def begin_first_phase(work: Work, found: Object) -> None:
    """Begin the first phase, with a new subscription.

    The caller stores and announces the schedule.
    """
    phase = found["phases"][0]
    customer = work.get("customer", found["customer"])
    wanted = [
        Wanted(work.get("price", one["price"]), one["quantity"], one["metadata"])
        for one in phase["items"]
    ]
    fields = {name: phase[name] for name in ("metadata", "description", "default_payment_method")}
    has_card = (
        fields["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    )
    order = Order(
        customer,
        wanted,
        payment_behavior="allow_incomplete" if has_card else "default_incomplete",
        trial_end=phase["end_date"] if phase["trial"] else phase["trial_end"],
        discounts=phases.discount_sources(work, phase),
        fields=fields,
    )
    subscription = subscriptions.start(work, order)
    found["subscription"] = subscription["id"]
    make_phase_current(work, found, 0)
    take_over_subscription(work, found, subscription)


def turn_to_next_phase(work: Work, subscription: Object) -> Object:
    """Begin the phase that is due, or release the subscription after the last one.

    Returns the changed subscription. If the subscription is to end with its schedule,
    this function does nothing: the subscription's own timer, due at the same time, ends
    it.
    """
    found = of(work, subscription)
    while found and found["status"] == "active" and found["current_phase"]["end_date"] <= work.now:
        place = place_of(found) + 1
        if place < len(found["phases"]):
            make_phase_current(work, found, place)
            subscription = phases.enter_phase(work, subscription, found["phases"][place])
            announce_schedule(work, found, "updated")
        elif found["end_behavior"] == "release":
            subscription = release_schedule(work, found, keeps_end=True)
        else:
            break
    return subscription


def as_of(work: Work, subscription: Object, at: int) -> Object:
    """Return the subscription as it will be in the phase that begins at `at`, if any.

    The result is for previews, and must not be stored.
    """
    found = of(work, subscription)
    if not found or found["status"] != "active" or found["current_phase"]["end_date"] > at:
        return subscription
    shown: Object = plain_copy(subscription)
    for phase in found["phases"][place_of(found) + 1 :][:1]:
        phases.exchange_items(work, shown, phase)
    return shown


def follow_direct_change(work: Work, subscription: Object) -> None:
    """Apply a direct change of the subscription to its schedule's current phase.

    Later phases stay unchanged.
    """
    found = of(work, subscription)
    if found is None or found["status"] != "active":
        return
    phase = found["phases"][place_of(found)]
    items = phases.items_of_phase(subscription["items"]["data"])
    if items != phase["items"]:
        phase["items"] = items
        announce_schedule(work, found, "updated")


def refuse_cancellation(subscription: Object) -> None:
    if subscription["schedule"]:
        raise StripeError(
            "The subscription is managed by the subscription schedule "
            f"`{subscription['schedule']}`, and updating any cancelation behavior directly is not "
            "allowed. Please update the schedule instead."
        )


def release_schedule(work: Work, found: Object, *, keeps_end: bool = False) -> Object:
    """End the schedule, and return its subscription, which continues without it.

    The result is empty if the subscription has not begun.
    """
    subscription = work.find("subscription", found["subscription"])
    found |= {"released_subscription": found["subscription"], "subscription": None}
    _close(work, found, "released")
    if subscription is None:
        return {}
    subscription["schedule"] = None
    if not keeps_end:
        subscription |= {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
    standing.store_and_announce(work, subscription)
    if subscription["status"] != "paused":
        subscription_timers.set_period_timer(work, subscription)
    return subscription


def cancel_schedule(work: Work, found: Object) -> None:
    """Cancel a schedule that has no subscription, or whose subscription has ended."""
    _close(work, found, "canceled")


def subscription_ended(work: Work, subscription: Object) -> None:
    """Complete the schedule if it has ended the subscription. Otherwise cancel the
    schedule.

    The caller stores the subscription.
    """
    found = of(work, subscription)
    subscription["schedule"] = None
    if found:
        is_over = found["end_behavior"] == "cancel" and found["phases"][-1]["end_date"] <= work.now
        _close(work, found, "completed" if is_over else "canceled")


def _close(work: Work, found: Object, status: str) -> None:
    for timer in (TURN, START):
        work.clear_timer(timer, found["id"])
    found |= {"status": status, f"{status}_at": work.now, "current_phase": None}
    announce_schedule(work, found, status)
