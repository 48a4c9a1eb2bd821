"""Events: read and listed, and deleted after 30 days."""

from bisect import bisect_left
from fnmatch import fnmatchcase

from stripe.params import EventListParams, EventRetrieveParams

from simulator.durations import DAY
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.lists import Test, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.actions import timer_action
from simulator.state.timers import MAIN_CLOCK
from simulator.state.work import Work

KEPT_SECONDS = 30 * DAY
MAX_TYPES = 20


@operation("GET /v1/events/{id}", EventRetrieveParams)
def retrieve(work: Work, _: Params, event: str) -> Object:
    return rendered(work, work.get("event", event))


@operation("GET /v1/events", EventListParams)
def list_all(work: Work, params: Params) -> Object:
    kind, kinds = params.get("type"), params.get("types")
    if kind and kinds:
        raise StripeError("You may only specify one of these parameters: type, types.")
    if kinds and len(kinds) > MAX_TYPES:
        raise StripeError(f"You can list at most {MAX_TYPES} types.", param="types")
    tests: list[Test] = []
    if wanted := kinds or ([kind] if kind else []):
        tests.append(lambda event: any(fnmatchcase(event["type"], pattern) for pattern in wanted))
    if (successful := params.get("delivery_success")) is not None:
        tests.append(lambda event: _was_delivered(work, event) == successful)
    exact = {"type": kind} if kind and "*" not in kind else None
    answer = list_page(work, params, "event", "/v1/events", exact, *tests)
    return answer | {"data": [rendered(work, event) for event in answer["data"]]}


def rendered(work: Work, event: Object) -> Object:
    """Return the event, with the number of endpoints that have not accepted it yet."""
    return event | {
        "pending_webhooks": len(work.ids("_delivery", event=event["id"], status="pending"))
    }


def _was_delivered(work: Work, event: Object) -> bool:
    deliveries = list(work.all("_delivery", event=event["id"]))
    return all(delivery["status"] == "succeeded" for delivery in deliveries)


def watch_retention(work: Work) -> None:
    """Set a timer on each clock that has events. The timer removes old events.

    The store calls this before it commits a unit of work.
    """
    if not work.events:
        return
    clock = work.clock_id or MAIN_CLOCK
    if not work.is_set("events.purge", clock):
        work.set_timer("events.purge", clock, work.now + KEPT_SECONDS + DAY)


@timer_action("events.purge")
def purge(work: Work, clock: str) -> None:
    """Delete events after 30 days, as Stripe does."""
    events = work.ids("event", _clock=clock)  # oldest first
    kept = bisect_left(
        events, work.now - KEPT_SECONDS, key=lambda event: work.get("event", event)["created"]
    )
    if kept < len(events):
        work.set_timer("events.purge", clock, work.now + DAY)
    for identity in events[:kept]:
        for delivery in work.ids("_delivery", event=identity):
            work.remove("_delivery", delivery)
        work.remove("event", identity)
