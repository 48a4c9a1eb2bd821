"""A unit of work: all reading and writing of one request, or of one step of a clock."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from stripe import api_version

from simulator.objects import Object, decode, encode, previous_attributes, public_surface
from simulator.protocol.errors import missing_object
from simulator.state.clock import Clock
from simulator.state.events import encode_event
from simulator.state.ids import Ids
from simulator.state.kinds import KINDS
from simulator.state.table import Row, Table
from simulator.state.timers import MAIN_CLOCK, timer_id

Key = tuple[str, str]


class Memory(Protocol):
    """The part of the store that a unit of work reads and changes."""

    base_url: str
    clock: Clock
    ids: Ids
    tables: dict[str, Table]
    wake: Callable[[], None]
    deliver: Callable[[list[str]], None]


class Work:
    """A unit of work, which returns private copies of objects.

    The same id always gives the same copy. To change an object, change the copy, then
    `put` it. `now` is the simulated time of everything that happens inside.
    `use_clock_of` switches `now` to a customer's test clock.
    """

    def __init__(self, store: Memory, request_id: str | None, idempotency_key: str | None) -> None:
        self.store = store
        self.now = store.clock.now()
        self.clock_id: str | None = None
        self.events: list[Object] = []
        self.timers: dict[str, Object | None] = {}  # timers that were set or cleared
        self.callbacks: list[Callable[[], None]] = []
        self._request = {"id": request_id, "idempotency_key": idempotency_key}
        self._objects: dict[Key, Object] = {}
        self._known: dict[Key, bytes | None] = {}  # the object at its last event, or as stored
        self._changed: dict[Key, None] = {}
        self._removed: dict[Key, Row] = {}
        self._added: dict[Key, None] = {}

    # --- reading

    def find(self, kind: str, object_id: str | None) -> Object | None:
        key = (kind, object_id or "")
        if found := self._objects.get(key):
            return found
        row = self.store.tables[kind].rows.get(key[1])
        if row is None or row.data is None:
            return None
        self._known[key] = row.data
        self._objects[key] = decode(row.data)
        return self._objects[key]

    def get(self, kind: str, object_id: str | None, param: str = "id") -> Object:
        """Return the object. Raises `resource_missing`.

        The status is 404 if the id is in the URL, and 400 if it is in the parameter
        `param`.
        """
        found = self.find(kind, object_id)
        if found is None or (found.get("deleted") and param != "id"):
            raise missing_object(kind, object_id or "", param)
        return found

    def get_live(self, kind: str, object_id: str) -> Object:
        """Do what `get` does, but treat a deleted object as missing.

        Calls that change an object use this.
        """
        found = self.get(kind, object_id)
        if found.get("deleted"):
            raise missing_object(kind, object_id)
        return found

    def ids(self, kind: str, **filters: str) -> list[str]:
        """Return ids, oldest first.

        Filters are indexed paths with `__` for the dots:
        `payment__payment_intent="pi_…"`.
        """
        return self._table(kind).ids(
            {path.replace("__", "."): value for path, value in filters.items()}
        )

    def all(self, kind: str, **filters: str) -> Iterator[Object]:
        """Return all objects that are not deleted, oldest first."""
        for object_id in self.ids(kind, **filters):
            found = self.get(kind, object_id)
            if not found.get("deleted"):
                yield found

    def first(self, kind: str, **filters: str) -> Object | None:
        return next(self.all(kind, **filters), None)

    # --- writing

    def new_id(self, kind: str) -> str:
        return self.store.ids.new(KINDS[kind].prefix)

    def new_secret(self, length: int = 32) -> str:
        return self.store.ids.secret(length)

    def new(self, kind: str, object_id: str | None = None, **fields: Any) -> Object:
        """Return a new object with these fields and those that every object has.

        The object is not stored until `put` is called.
        """
        known = {
            "id": object_id or self.new_id(kind),
            "object": kind,
            "created": self.now,
            "livemode": False,
        }
        return known | {"metadata": {}} | fields

    def put(self, obj: Object) -> Object:
        """Store a new or changed object. Without this call, changes are lost."""
        key = (obj["object"], obj["id"])
        table = self._table(key[0])
        if key[1] in table.rows:
            table.rekey(key[1], table.keys_of(obj))
        else:
            table.add(key[1], table.keys_of(obj))
            self._added[key] = None
            self._known.setdefault(key, None)
        self._objects[key] = obj
        self._changed[key] = None
        return obj

    def remove(self, kind: str, object_id: str) -> None:
        """Remove an object completely.

        To delete an object that Stripe then shows as deleted, `put` `{id, object,
        deleted}` instead.
        """
        key = (kind, object_id)
        row = self._table(kind).remove(object_id)
        if key in self._added:
            del self._added[key]
        else:
            self._removed[key] = row
        self._objects.pop(key, None)
        self._changed.pop(key, None)
        if kind == "_timer":
            self.timers[object_id] = None

    def emit(self, event_type: str, obj: Object, previous: Object | None = None) -> None:
        """Record an event with the object as it is now.

        An event whose type ends with `.updated` also records the former values of the
        changed fields. These are the values at the object's last event in this unit of
        work, or else before the unit of work. If nothing has changed, no event is
        recorded. A caller passes `previous` to record former values with an event of
        another type.
        """
        key = (obj["object"], obj["id"])
        shown = public_surface(obj)
        if previous is None and event_type.endswith(".updated"):
            before = self._known.get(key)
            previous = previous_attributes(public_surface(decode(before)), shown) if before else {}
            if not previous:
                return
        snapshot = self._known[key] = encode(shown)
        event = self._event(event_type)
        table = self._table("event")
        table.add(event["id"], table.keys_of(event), encode_event(event, snapshot, previous))
        self._added["event", event["id"]] = None
        self._changed["event", event["id"]] = None
        self.events.append(event)

    def _event(self, event_type: str) -> Object:
        """Return an event without its data."""
        return {
            "object": "event",
            "id": self.new_id("event"),
            "api_version": api_version,
            "created": self.now,
            "livemode": False,
            "pending_webhooks": 0,
            "request": self._request,
            "type": event_type,
            "_clock": self.clock_id or MAIN_CLOCK,
        }

    # --- time

    def use_clock_of(self, holder: Object | None) -> None:
        """Take `now` from the test clock of this customer or other object, if any.

        Everything that follows in this unit of work happens at that time.
        """
        clock_id = (holder or {}).get("test_clock")
        if clock_id and clock_id != self.clock_id:
            self.clock_id = clock_id
            self.now = self.get("test_helpers.test_clock", clock_id)["frozen_time"]

    def set_timer(self, name: str, object_id: str, at: int) -> None:
        """Set or move the timer of this name for this object, on the current clock."""
        entry: Object = {
            "object": "_timer",
            "id": timer_id(name, object_id),
            "name": name,
            "for": object_id,
        }
        entry |= {"at": at, "clock": self.clock_id or MAIN_CLOCK}
        self.put(entry)
        self.timers[entry["id"]] = entry

    def clear_timer(self, name: str, object_id: str) -> None:
        if self.is_set(name, object_id):
            self.remove("_timer", timer_id(name, object_id))

    def is_set(self, name: str, object_id: str) -> bool:
        return timer_id(name, object_id) in self._table("_timer").rows

    def after_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    # --- how the store ends a unit of work

    def finish(self) -> dict[Key, bytes | None]:
        """Apply the changes to the objects in memory.

        Return the changes to write to the file, with `None` for a removed object.
        """
        changes: dict[Key, bytes | None] = dict.fromkeys(self._removed)
        for key in self._changed:
            row = self._table(key[0]).rows[key[1]]
            if key in self._objects:
                row.data = encode(self._objects[key])
            changes[key] = row.data
        return changes

    def undo(self) -> None:
        for kind, object_id in self._added:
            self._table(kind).remove(object_id)
        for (kind, object_id), removed in self._removed.items():
            self._table(kind).restore(object_id, removed)
        for kind, object_id in [*self._changed, *self._removed]:
            table = self._table(kind)
            row = table.rows.get(object_id)
            if row and row.data is not None:
                table.rekey(object_id, table.keys_of(decode(row.data)))

    def _table(self, kind: str) -> Table:
        return self.store.tables[kind]

    def any_of(self, object_id: str, hint: str = "") -> Object | None:
        """Return the object with this id, of any kind.

        For ids that users choose, `hint` decides the kind.
        """
        prefix = object_id.rpartition("_")[0]
        for name, kind in KINDS.items():
            if kind.prefix == prefix and (found := self.find(name, object_id)):
                return found
        return self.find(hint, object_id) if hint in KINDS else None


def plain_copy(value: Any) -> Any:
    """Return an independent copy, faster than `copy.deepcopy`."""
    return decode(encode(value))
