"""The personal data of a user: what is exported, and what is erased.

A feature may have a `personal_data.py` with two functions:

    def export(user_id: int) -> Iterator[Part]:
        yield "posts", records(Post, Post.author_id == user_id, without={"html"})

    def erase(user_id: int) -> bool: ...

`export` yields the user's data, part by part. `erase` erases the content of a deleted
account in batches, and returns whether everything is erased. It is called again until
it returns true. A feature without the file has the functions of `owned_rows`: rows that
refer to the user are exported, and are erased as their foreign key says.

Columns that hold secrets or bytes are never exported (`is_shown`).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, inspect, select, tuple_

from app.db.base import Base
from app.db.database import WorkerSession
from app.db.search.column import search_column

Record = Mapping[str, Any]
Part = tuple[str, Iterable[Record]]

SECRET = re.compile(r"(?:^|_)(?:digest|hash|hashed|key|password|secret|token)(?:_|$)")
SIZE = 500


def is_shown(column: Column[Any]) -> bool:
    """Return whether a column may be exported.

    A column whose name says that it holds a secret is left out, and so are bytes and
    the tokens of the search.
    """
    return not (
        SECRET.search(column.name)
        or isinstance(column.type, LargeBinary)
        or column is search_column(column.table)
    )


def records(
    model: type[Base], *conditions: ColumnElement[bool], without: Collection[str] = ()
) -> Iterator[Record]:
    """Yield the rows that match the conditions, in the order of their primary key.

    No transaction is open while the caller uses the rows.
    """
    table = inspect(model).local_table
    assert isinstance(table, Table)
    keys = list(table.primary_key)
    shown = [column for column in table.columns if is_shown(column) and column.name not in without]
    page = select(*shown, *(key.label(f"key {key.name}") for key in keys))
    page = page.where(*conditions).order_by(*keys).limit(SIZE)
    after: tuple[Any, ...] | None = None
    while True:
        further = [] if after is None else [tuple_(*keys) > after]
        with WorkerSession() as db:
            found = db.execute(page.where(*further)).all()
        for row in found:
            yield dict(zip((column.name for column in shown), row, strict=False))
        if len(found) < SIZE:
            return
        after = tuple(found[-1][-len(keys) :])
