"""The statements that read the pages of a list, built once for each set of filters.

Building the statement for a page takes longer than executing it. Two requests with the
same filters need the same statement with different values. SQLAlchemy computes the same
key for such statements, so the statements for the pages are kept under this key.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import count
from threading import Lock
from typing import Any

from pydantic import BaseModel
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    UnaryExpression,
    and_,
    bindparam,
    or_,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql import operators

from .lost import twice_if_lost
from .projection import projection_of

Order = Sequence[tuple[ColumnElement[Any], bool]]  # each sort key, and whether it is descending
Values = Mapping[str, Any]

MOST = 300  # maximum number of lists that one process remembers

_known: OrderedDict[object, "Pages"] = OrderedDict()
_lock = Lock()
_numbers = count(1)


class Pages:
    """The statements for the pages of one list, by offset and by cursor.

    `names` are the names of the parameters of the list's own statement. `number` is
    part of the names of all parameters that are added here. Each `Pages` that is kept
    needs a unique number. Otherwise SQLAlchemy would reuse the compiled statement of an
    equal list, in which the parameters have different names.
    """

    def __init__(
        self,
        statement: Select[Any],
        shape: type[BaseModel],
        names: Sequence[str] = (),
        number: int = 0,
    ) -> None:
        self.names = names
        self.order = [_direction(clause) for clause in statement._order_by_clauses]  # noqa: SLF001 - has no public reader
        self.types = [key.type.python_type for key, _ in self.order]
        self.named = " ".join(
            f"{'-' if down else ''}{getattr(key, 'key', None)}" for key, down in self.order
        )
        self.projection = projection_of(statement, shape)
        self._number = number
        self._whole = self._all_of(statement)
        self._by_offset = self._whole.offset(self._bound("offset"))
        self._by_cursor: dict[tuple[bool, ...], Select[Any]] = {}

    def _bound(self, name: str, kind: Any = Integer) -> BindParameter[Any]:
        return bindparam(self._name(name), type_=kind)

    def _name(self, name: str) -> str:
        return f"page_{self._number}_{name}"

    def _all_of(self, statement: Select[Any]) -> Select[Any]:
        wanted = self.projection.apply(statement) if self.projection else statement
        keys = [key for key, _ in self.order]
        return wanted.add_columns(*keys).limit(self._bound("limit"))

    def read(
        self, db: Session, given: Values, *, limit: int, offset: int, after: list[Any] | None
    ) -> Sequence[Any]:
        """Return the rows of a page. The last values of each row are its sort keys.

        `given` are the values of the list's own parameters. The page begins after the
        row with the sort keys `after`, or at `offset` if `after` is `None`.
        """
        values = {**given, self._name("limit"): limit}
        if after is None:
            values[self._name("offset")] = offset
            return self._rows(db, self._by_offset, values)
        values |= {self._name(f"after_{place}"): key for place, key in enumerate(after)}
        return self._rows(db, self._after(tuple(key is None for key in after)), values)

    def _rows(self, db: Session, statement: Select[Any], values: Values) -> Sequence[Any]:
        """Execute the statement.

        A statement that selects columns is executed on the connection, without the
        parts of the session that load entities. But if any listener other than
        `changes` listens to the statements of sessions, the session executes the
        statement.
        """
        if self.projection is None or len(db.dispatch.do_orm_execute) > 1:
            return db.execute(statement, values).all()
        if db.autoflush:
            db.flush()

        def execute() -> Sequence[Any]:
            return db.connection().execute(statement, values).all()

        rows: Sequence[Any] = twice_if_lost(db, execute, (), {})
        return rows

    def item_of(self, row: Sequence[Any]) -> Any:
        """Return the entity of a row, or the values of its fields."""
        return self.projection.read(row) if self.projection else row[0]

    def keys_of(self, row: Sequence[Any]) -> list[Any]:
        """Return the sort keys of a row."""
        return list(row[-len(self.order) :])

    def _after(self, nulls: tuple[bool, ...]) -> Select[Any]:
        """Return the statement for a page that begins after given sort keys.

        `nulls` says which of the sort keys are null.
        """
        if nulls not in self._by_cursor:
            bounds = [self._bound(f"after_{n}", key.type) for n, (key, _) in enumerate(self.order)]
            self._by_cursor[nulls] = self._whole.where(_beyond(self.order, bounds, nulls))
        return self._by_cursor[nulls]


def pages_of(statement: Select[Any], shape: type[BaseModel]) -> tuple[Pages, Values]:
    """Return the pages of a list, and the values of its parameters."""
    cached = statement._generate_cache_key()  # noqa: SLF001 - as SQLAlchemy's own example of a cache
    if cached is None or statement._execution_options or statement._with_options:  # noqa: SLF001 - have no public reader
        return Pages(statement, shape), {}
    key = cached.key, shape
    with _lock:
        if found := _known.get(key):
            _known.move_to_end(key)
    if found is None:
        names = [bound.key for bound in cached.bindparams]
        found = Pages(statement, shape, names, next(_numbers))
        with _lock:
            found = _known.setdefault(key, found)
            while len(_known) > MOST:
                _known.popitem(last=False)
    values = (bound.effective_value for bound in cached.bindparams)
    return found, dict(zip(found.names, values, strict=True))


def _direction(clause: Any) -> tuple[ColumnElement[Any], bool]:
    """Return the expression of an order clause, and whether it is descending."""
    if isinstance(clause, UnaryExpression) and clause.modifier in (
        operators.desc_op,
        operators.asc_op,
    ):
        return clause.element, clause.modifier is operators.desc_op
    return clause, False


def _beyond(
    order: Order, bounds: Sequence[ColumnElement[Any]], nulls: Sequence[bool]
) -> ColumnElement[bool]:
    """Return the condition for the rows after `bounds`.

    The condition has the form `a <= x AND (a < x OR (a = x AND b < y))`, for which all
    three databases can use an index.
    """
    # The preceding sort key separates the rows in which this key is null, so this key
    # is null in all remaining rows.
    if nulls[0]:
        return _beyond(order[1:], bounds[1:], nulls[1:])
    (key, down), bound = order[0], bounds[0]
    beyond: ColumnElement[bool] = key < bound if down else key > bound
    if len(order) == 1:
        return beyond
    reached = key <= bound if down else key >= bound
    rest = _beyond(order[1:], bounds[1:], nulls[1:])
    return and_(reached, or_(beyond, and_(key == bound, rest)))
