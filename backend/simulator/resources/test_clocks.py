"""Test clocks. The customers of a test clock have a simulated time of their own."""

from stripe.params.test_helpers import (
    TestClockAdvanceParams,
    TestClockCreateParams,
    TestClockDeleteParams,
    TestClockListParams,
    TestClockRetrieveParams,
)

from simulator.durations import DAY
from simulator.objects import Object
from simulator.protocol.errors import StripeError, missing_object
from simulator.protocol.lists import list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources import customers
from simulator.state.timeline import CLOCK
from simulator.state.work import Work

URL = "/v1/test_helpers/test_clocks"
LIFE_SECONDS = 30 * DAY


@operation(f"POST {URL}", TestClockCreateParams)
def create(work: Work, params: Params) -> Object:
    clock = work.new(
        CLOCK,
        deletes_after=work.now + LIFE_SECONDS,
        frozen_time=params["frozen_time"],
        name=params.get("name"),
        status="ready",
        status_details={},
    )
    del clock["metadata"]
    work.put(clock)
    work.emit("test_helpers.test_clock.created", clock)
    return clock


@operation(f"GET {URL}/{{id}}", TestClockRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return _get(work, identity)


@operation(f"POST {URL}/{{id}}/advance", TestClockAdvanceParams)
def advance(work: Work, params: Params, identity: str) -> Object:
    """Begin to advance the clock. The response does not wait until this is done.

    The event `test_helpers.test_clock.ready` says that the clock has reached the time.
    """
    clock = _get(work, identity)
    target = params["frozen_time"]
    if clock["status"] != "ready":
        raise StripeError("The test clock is still advancing.", status=429, code="lock_timeout")
    if target <= clock["frozen_time"]:
        raise StripeError(
            "The time to advance to must be after the clock's current time.", param="frozen_time"
        )
    work.use_clock_of({"test_clock": identity})
    clock |= {
        "status": "advancing",
        "status_details": {"advancing": {"target_frozen_time": target}},
        "_target": target,
    }
    work.put(clock)
    work.emit("test_helpers.test_clock.advancing", clock)
    work.after_commit(work.store.wake)
    return clock


@operation(f"DELETE {URL}/{{id}}", TestClockDeleteParams)
def delete(work: Work, _: Params, identity: str) -> Object:
    """Delete the clock together with its customers."""
    clock = _get(work, identity)
    for customer in list(work.all("customer", test_clock=identity)):
        customers.remove(work, customer)
    work.emit("test_helpers.test_clock.deleted", clock)
    work.remove(CLOCK, identity)
    return {"id": identity, "object": CLOCK, "deleted": True}


@operation(f"GET {URL}", TestClockListParams)
def list_all(work: Work, params: Params) -> Object:
    return list_page(work, params, CLOCK, URL)


def _get(work: Work, identity: str) -> Object:
    if (clock := work.find(CLOCK, identity)) is None:
        raise missing_object("test clock", identity)
    return clock
