"""The timers of a subscription."""

from simulator.durations import DAY, HOUR
from simulator.objects import Object
from simulator.state.work import Work

TRIAL_WARNING = 3 * DAY
UPCOMING = 7 * DAY
TO_FIRST_PAYMENT = 23 * HOUR
_NAMES = ("period", "trial_will_end", "upcoming", "expire", "pending_update", "resume_collection")


def period_of(subscription: Object) -> tuple[int, int]:
    """Return the current period, which all items of a subscription share."""
    first = subscription["items"]["data"][0]
    return first["current_period_start"], first["current_period_end"]


def set_period_timer(work: Work, subscription: Object) -> None:
    """Set the timer for the end of the period, or of the subscription if that is
    earlier.

    Also set the timer that announces the next invoice, if there will be one.
    """
    _, end = period_of(subscription)
    turn = min(end, subscription["cancel_at"] or end)
    work.set_timer("subscription.period", subscription["id"], max(turn, work.now))
    if turn - UPCOMING > work.now and subscription["cancel_at"] is None:
        work.set_timer("subscription.upcoming", subscription["id"], turn - UPCOMING)
    else:
        work.clear_timer("subscription.upcoming", subscription["id"])


def set_trial_timer(work: Work, subscription: Object) -> None:
    """Set the timer for the warning that a trial ends in three days.

    If less time is left, the warning is sent now. No warning is sent twice for the same
    end of a trial.
    """
    end = subscription["trial_end"]
    if end is None or end <= work.now:
        work.clear_timer("subscription.trial_will_end", subscription["id"])
    elif subscription.get("_warned_of") != end:
        work.set_timer(
            "subscription.trial_will_end", subscription["id"], max(end - TRIAL_WARNING, work.now)
        )


def first_payment(work: Work, subscription: Object) -> None:
    work.set_timer("subscription.expire", subscription["id"], work.now + TO_FIRST_PAYMENT)


def clear_timers(work: Work, subscription: Object) -> None:
    for name in _NAMES:
        work.clear_timer(f"subscription.{name}", subscription["id"])
