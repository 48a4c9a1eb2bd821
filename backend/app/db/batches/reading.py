"""Reading many rows in the order of their keys."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, select

from .turns import SIZE, Row, Sessions, key_of


def read_in_batches(
    sessions: Sessions,
    model: type[Row],
    *conditions: ColumnElement[bool],
    after: int = 0,
    size: int = SIZE,
) -> Iterator[Sequence[Row]]:
    """Yield the rows that match the conditions, `size` at a time, in primary key order.

    Only rows with a key larger than `after` are read. No transaction is open while the
    caller uses the rows.
    """
    key = key_of(model)
    while True:
        with sessions() as db:
            found = db.execute(
                select(model, key).where(*conditions, key > after).order_by(key).limit(size)
            ).all()
        if found:
            yield [row for row, _ in found]
            after = found[-1][1]
        if len(found) < size:
            return
