"""Inserting many rows."""

import time
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import insert

from app.db.base import Base

from .turns import Progress, Sessions

CHUNK = 1_000  # rows in one transaction


def write_in_chunks(
    sessions: Sessions,
    model: type[Base],
    rows: Iterable[Mapping[str, Any]],
    *,
    after: int = 0,
    size: int = CHUNK,
) -> Progress:
    """Insert the rows, `size` in each transaction.

    The iterable is read only as rows are needed, so there may be more rows than fit
    into memory. Each row is a mapping of attributes to values, and all rows must have
    the same attributes. The first `after` rows are skipped. If a chunk fails, the error
    has a note with the number of rows that are already stored. To continue after these
    rows, pass this number as `after`.
    """
    progress, left = Progress(last=after), iter(rows)
    for _ in islice(left, after):
        pass
    while chunk := [dict(row) for row in islice(left, size)]:
        began = time.monotonic()
        try:
            with sessions() as db, db.begin():
                db.execute(insert(model), chunk)
        except Exception as error:
            error.add_note(f"Rows stored before the error: {progress.last}.")
            raise
        progress.note(len(chunk), time.monotonic() - began)
        progress.last += len(chunk)
    progress.finished = True
    return progress
