"""All objects of one kind, encoded and indexed, in the order of their creation."""

from collections.abc import Iterable, Iterator

from simulator.objects import Object
from simulator.state.kinds import Kind

Keys = tuple[str | None, ...]


class Row:
    """A row. `data` is `None` while the object is new in an open unit of work."""

    __slots__ = ("data", "keys", "sequence")

    def __init__(self, sequence: int, data: bytes | None, keys: Keys) -> None:
        self.sequence = sequence
        self.data = data
        self.keys = keys


class Table:
    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.rows: dict[str, Row] = {}
        self._sequence = 0
        self._indexes: dict[str, dict[str, set[str]]] = {path: {} for path in kind.indexed}

    def keys_of(self, obj: Object) -> Keys:
        return tuple(_value_at(obj, path) for path in self.kind.indexed)

    def add(self, object_id: str, keys: Keys, data: bytes | None = None) -> Row:
        self._sequence += 1
        row = self.rows[object_id] = Row(self._sequence, data, keys)
        self._enter(object_id, keys)
        return row

    def rekey(self, object_id: str, keys: Keys) -> None:
        row = self.rows[object_id]
        if row.keys != keys:
            self._leave(object_id, row.keys)
            self._enter(object_id, keys)
            row.keys = keys

    def remove(self, object_id: str) -> Row:
        row = self.rows.pop(object_id)
        self._leave(object_id, row.keys)
        return row

    def restore(self, object_id: str, row: Row) -> None:
        """Undo a removal. The row goes back to its place in the order."""
        self.rows[object_id] = row
        self.rows = dict(sorted(self.rows.items(), key=lambda item: item[1].sequence))
        self._enter(object_id, row.keys)

    def ids(self, filters: dict[str, str]) -> list[str]:
        """Return the ids of the objects that match all filters, oldest first."""
        if not filters:
            return list(self.rows)
        found = set.intersection(
            *(self._indexes[path].get(value, set()) for path, value in filters.items())
        )
        if len(found) == len(self.rows):
            return list(self.rows)
        return sorted(found, key=lambda one: self.rows[one].sequence)

    def newest_first(self) -> Iterator[str]:
        return reversed(self.rows)

    def _enter(self, object_id: str, keys: Keys) -> None:
        for index, value in self._used(keys):
            index.setdefault(value, set()).add(object_id)

    def _leave(self, object_id: str, keys: Keys) -> None:
        for index, value in self._used(keys):
            index[value].discard(object_id)
            if not index[value]:
                del index[value]

    def _used(self, keys: Keys) -> Iterable[tuple[dict[str, set[str]], str]]:
        for path, value in zip(self.kind.indexed, keys, strict=True):
            if value is not None:
                yield self._indexes[path], value


def _value_at(obj: Object, path: str) -> str | None:
    value: object = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None
