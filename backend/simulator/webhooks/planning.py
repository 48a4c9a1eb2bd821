"""Plans which endpoint gets which event, and when a failed attempt is repeated."""

from simulator.durations import HOUR, MINUTE
from simulator.objects import Object
from simulator.state.actions import timer_action
from simulator.state.work import Work

# Seconds of simulated time after each failed attempt. They add up to about three days,
# because Stripe retries for three days in live mode.
RETRIES = (
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    12 * HOUR,
    12 * HOUR,
    12 * HOUR,
    12 * HOUR,
)


def plan_deliveries(work: Work) -> None:
    """Create the deliveries of a unit of work's new events.

    The store calls this before the commit, so events and their deliveries are committed
    together.
    """
    if not work.events:
        return
    endpoints = list(work.all("webhook_endpoint", status="enabled"))
    planned = [
        _new_delivery(work, event, endpoint) for event in work.events for endpoint in endpoints
    ]
    if made := [delivery["id"] for delivery in planned if delivery]:
        work.after_commit(lambda: work.store.deliver(made))


def _new_delivery(work: Work, event: Object, endpoint: Object) -> Object | None:
    wanted = endpoint["enabled_events"]
    if "*" not in wanted and event["type"] not in wanted:
        return None
    delivery: Object = {"object": "_delivery", "id": work.new_id("_delivery"), "created": work.now}
    names = {"event": event["id"], "type": event["type"], "endpoint": endpoint["id"]}
    return work.put(delivery | names | {"status": "pending", "attempts": []})


def record_attempt(
    work: Work, delivery_id: str, *, code: int | None, error: str | None, seconds: float
) -> None:
    """Record the result of an attempt, and schedule the next attempt after a failure.

    `code` is `None` if there was no response.
    """
    delivery = work.find("_delivery", delivery_id)
    if delivery is None:  # the event was old and has been deleted
        return
    attempt = {"at": work.now, "code": code, "error": error, "seconds": round(seconds, 3)}
    delivery["attempts"] = [*delivery["attempts"], attempt]
    failures = sum(not _taken(attempt["code"]) for attempt in delivery["attempts"])
    if _taken(code):
        delivery["status"] = "succeeded"
        work.clear_timer("webhook.retry", delivery_id)
    elif delivery["status"] == "pending":
        if failures <= len(RETRIES):
            work.set_timer("webhook.retry", delivery_id, work.now + RETRIES[failures - 1])
        else:
            delivery["status"] = "failed"
    work.put(delivery)


def _taken(code: int | None) -> bool:
    return code is not None and 200 <= code < 300  # noqa: PLR2004 - HTTP


@timer_action("webhook.retry")
def retry(work: Work, delivery_id: str) -> None:
    if work.find("_delivery", delivery_id):
        work.after_commit(lambda: work.store.deliver([delivery_id]))


def left_behind(work: Work) -> list[str]:
    """Return the deliveries that were in progress when the simulator ended."""
    pending = work.ids("_delivery", status="pending")
    return [delivery for delivery in pending if not work.is_set("webhook.retry", delivery)]
