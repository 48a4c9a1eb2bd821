"""Events, encoded around the snapshot that they carry: a snapshot is encoded once, and never decoded to be stored."""

from typing import TYPE_CHECKING

from stripe import api_version

from simulator.objects import Object, encode
from simulator.state.timers import MAIN_CLOCK

if TYPE_CHECKING:
    from simulator.state.work import Work


def encode_event(work: "Work", event_type: str, snapshot: bytes, previous: Object | None) -> tuple[Object, bytes]:
    """The event without its data, and the whole of it as it is stored."""
    event: Object = {
        "object": "event",
        "id": work.new_id("event"),
        "api_version": api_version,
        "created": work.now,
        "livemode": False,
        "pending_webhooks": 0,
        "request": work.request,
        "type": event_type,
        "_clock": work.clock_id or MAIN_CLOCK,
    }
    data = b'{"object":' + snapshot
    if previous:
        data += b',"previous_attributes":' + encode(previous)
    return event, encode(event)[:-1] + b',"data":' + data + b"}}"
