"""The effects of time on subscriptions and invoices.

Each function here is called when its timer is due.
"""

from simulator.billing import (
    collection,
    cycle,
    endings,
    invoice_endings,
    invoices,
    pausing,
    pending,
    preview,
    standing,
    subscription_schedules,
    subscription_timers,
)
from simulator.billing.subscriptions import remember_debits
from simulator.objects import Object
from simulator.state.actions import timer_action
from simulator.state.work import Work


@timer_action("subscription.period")
def period_ends(work: Work, subscription_id: str) -> None:
    subscription = work.get("subscription", subscription_id)
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= work.now:
        endings.at_period_end(work, subscription)
        return
    subscription = subscription_schedules.turn_to_next_phase(work, subscription)
    if subscription_timers.period_of(subscription)[1] > work.now:
        return  # the phase that has just begun is a trial
    if not (_trial_ends(subscription, work.now) and pausing.stops_without_card(work, subscription)):
        renew(work, subscription)


@timer_action(subscription_schedules.TURN)
def phase_ends(work: Work, identity: str) -> None:
    """Begin the next phase, unless a period also ends at this moment.

    In that case, the timer of the period begins the phase, because the prices of the
    phase apply to the next period.
    """
    subscription = work.get(
        "subscription", work.get(subscription_schedules.KIND, identity)["subscription"]
    )
    renews = work.is_set("subscription.period", subscription["id"])
    if not renews or subscription_timers.period_of(subscription)[1] > work.now:
        standing.store_and_announce(
            work, subscription_schedules.turn_to_next_phase(work, subscription)
        )


@timer_action(subscription_schedules.START)
def schedule_starts(work: Work, identity: str) -> None:
    found = work.get(subscription_schedules.KIND, identity)
    subscription_schedules.begin_first_phase(work, found)
    subscription_schedules.announce_schedule(work, found, "updated")


def _trial_ends(subscription: Object, now: int) -> bool:
    return bool(subscription["trial_end"] == now)


def renew(work: Work, subscription: Object) -> Object:
    """Begin the next period. Its invoice is a draft, which is finalised in an hour."""
    plan = cycle.plan_period_invoice(work, subscription, work.now)
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    cycle.enter_period(subscription, cycle.period_at(subscription, work.now))
    collected = _is_collected(subscription)
    plan.fields["auto_advance"] = collected
    invoice = invoices.open_draft(work, plan, waits=collected)
    subscription["latest_invoice"] = invoice["id"]
    remember_debits(work, subscription, invoice)
    standing.drop_used_discounts(work, subscription, invoice)
    standing.store_and_announce(work, subscription)
    subscription_timers.set_period_timer(work, subscription)
    return invoice


def _is_collected(subscription: Object) -> bool:
    """Return whether the invoice of a renewal is collected automatically.

    The invoice is not collected while the subscription is unpaid, or while collection
    is paused with the behaviour `keep_as_draft`.
    """
    paused = subscription["pause_collection"]
    return subscription["status"] != "unpaid" and not (
        paused and paused["behavior"] == "keep_as_draft"
    )


@timer_action("invoice.finalize")
def draft_is_due(work: Work, invoice_id: str) -> None:
    """Finalise the draft and collect it.

    If the subscription's collection is paused, the invoice becomes void or
    uncollectible instead.
    """
    invoice = work.get("invoice", invoice_id)
    subscription = invoices.subscription_of(work, invoice)
    collection.finalize(work, invoice)
    paused = subscription["pause_collection"] if subscription else None
    if invoice["status"] != "open":
        return
    if paused and paused["behavior"] == "void":
        invoice_endings.void(work, invoice)
    elif paused:
        invoice_endings.give_up(work, invoice, "subscription_paused")
    else:
        collection.collect(work, invoice)


@timer_action("invoice.retry")
def retry_is_due(work: Work, invoice_id: str) -> None:
    invoice = work.get("invoice", invoice_id)
    collection.collect(work, invoice)
    subscription = invoices.subscription_of(work, invoice)
    if invoice["status"] == "open" and invoice["next_payment_attempt"] is None and subscription:
        endings.exhausted(work, subscription)


@timer_action("subscription.trial_will_end")
def warn_of_trial(work: Work, subscription_id: str) -> None:
    subscription = work.get("subscription", subscription_id)
    subscription["_warned_of"] = subscription["trial_end"]
    work.put(subscription)
    work.emit("customer.subscription.trial_will_end", subscription)


@timer_action("subscription.upcoming")
def announce_invoice(work: Work, subscription_id: str) -> None:
    subscription = work.get("subscription", subscription_id)
    work.emit(
        "invoice.upcoming", preview.remember_lines(work, preview.upcoming(work, subscription))
    )


@timer_action("subscription.expire")
def first_payment_is_late(work: Work, subscription_id: str) -> None:
    endings.expire(work, work.get("subscription", subscription_id))


@timer_action("subscription.pending_update")
def update_is_late(work: Work, subscription_id: str) -> None:
    subscription = work.get("subscription", subscription_id)
    pending.discard_pending_update(work, subscription)
    standing.store_and_announce(work, subscription)
    work.emit("customer.subscription.pending_update_expired", subscription)


@timer_action("subscription.resume_collection")
def collection_resumes(work: Work, subscription_id: str) -> None:
    subscription = work.get("subscription", subscription_id)
    subscription["pause_collection"] = None
    standing.store_and_announce(work, subscription)
