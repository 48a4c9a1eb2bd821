"""The encoding of events around the snapshot that they carry.

A snapshot is encoded once, and never decoded to be stored.
"""

from simulator.objects import Object, encode


def encode_event(event: Object, snapshot: bytes, previous: Object | None) -> bytes:
    """Return the whole event as it is stored. `event` is all of it but its data."""
    data = b'{"object":' + snapshot
    if previous:
        data += b',"previous_attributes":' + encode(previous)
    return encode(event)[:-1] + b',"data":' + data + b"}}"
