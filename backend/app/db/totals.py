"""The total of a list, without counting a large table for each page.

| Rows | `total` |
|---|---|
| all on this page | exact, without a count |
| up to `EXACT` | exact, because at most `EXACT` rows are counted |
| more | counted again after some seconds, so at most a minute old |
| more than can be counted within the statement timeout | null |
| more, and a condition is a search | null |

Only one request at a time counts a large list. Other requests use the last result. The
longer a count takes, the longer its result is used. So counting a list occupies one
connection for at most a twentieth of the time.
"""

import time
from collections import OrderedDict
from threading import Lock
from typing import Any, NamedTuple

from sqlalchemy import Select, func, literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from .errors import DatabaseTimeout, translate_database_error
from .search.matching import is_search

EXACT = 1_000
SHARE = 20  # a result is used for this many times as long as its count took
LEAST, LONGEST = 1.0, 50.0  # minimum and maximum time for which a result is used, in seconds
# Other requests use the last result for this long while one request counts. No
# statement takes longer than this.
COUNTING = 5.0
MOST = 200  # maximum number of lists that one process remembers


class Known(NamedTuple):
    total: int | None
    until: float  # by time.monotonic()


_known: OrderedDict[object, Known] = OrderedDict()
_lock = Lock()


def total_of(db: Session, statement: Select[Any]) -> int | None:
    """Return the number of rows of `statement`.

    The number is exact up to `EXACT`. A larger number is at most a minute old. `None`
    means that there are too many rows to count.
    """
    key = _key(statement)
    with _lock:
        if known := _known.get(key):
            _known.move_to_end(key)
            if time.monotonic() < known.until:
                return known.total
            _known[key] = known._replace(until=time.monotonic() + COUNTING)
    began = time.monotonic()
    if (few := count_up_to(db, statement, EXACT + 1)) <= EXACT:
        with _lock:
            _known.pop(key, None)
        return few
    total = None if is_search(statement) else _count_all(db, statement)
    used = min(LONGEST, max(LEAST, SHARE * (time.monotonic() - began)))
    with _lock:
        _known[key] = Known(total, began + used)
        while len(_known) > MOST:
            _known.popitem(last=False)
    return total


def _count_all(db: Session, statement: Select[Any]) -> int | None:
    """Return the number of rows, or `None` if counting them took too long.

    After a timeout, the transaction of the request is still usable, because the count
    runs in a savepoint.
    """
    try:
        with db.begin_nested():
            return db.scalar(count(statement)) or 0
    except DBAPIError as error:
        if not isinstance(translate_database_error(error), DatabaseTimeout):
            raise
        return None


def forget() -> None:
    """Forget all totals, so that every list is counted again."""
    with _lock:
        _known.clear()


def count(statement: Select[Any]) -> Select[int]:
    """Return a statement that counts the rows of `statement`.

    The rows are neither loaded nor sorted.
    """
    bare = statement.with_only_columns(literal(1), maintain_column_froms=True).order_by(None)
    return select(func.count()).select_from(bare.subquery())


def count_up_to(db: Session, statement: Select[Any], most: int) -> int:
    """Count the rows of `statement`, but read at most `most` of them."""
    return db.scalar(count(statement.limit(most))) or 0


def _key(statement: Select[Any]) -> object:
    """Return a key that identifies a statement together with its values."""
    cached = statement._generate_cache_key()  # noqa: SLF001 - as SQLAlchemy's own example of a cache
    if cached is None:
        return object()  # the expression cannot be compared, so its total is not remembered
    return cached.key, tuple(repr(bound.effective_value) for bound in cached.bindparams)
