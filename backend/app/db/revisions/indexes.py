"""Indexes that a revision makes or drops while others write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import op


@contextmanager
def concurrently() -> Iterator[dict[str, Any]]:
    """On PostgreSQL, have a revision make and drop indexes while others write. No transaction can hold that.

    Yields the options for `op.create_index` and `op.drop_index`.
    """
    if op.get_context().dialect.name != "postgresql":
        yield {}
        return
    with op.get_context().autocommit_block():
        yield {"postgresql_concurrently": True}
