"""The encoding of events, each of which contains the snapshot of an object.

A snapshot is encoded once. It is not decoded when the event is stored.
"""

from simulator.objects import Object, encode


def encode_event(event: Object, snapshot: bytes, previous: Object | None) -> bytes:
    """Return the encoded event. `event` is the event without its data."""
    data = b'{"object":' + snapshot
    if previous:
        data += b',"previous_attributes":' + encode(previous)
    return encode(event)[:-1] + b',"data":' + data + b"}}"
