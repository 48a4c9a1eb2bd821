"""Indexes that a revision creates or drops while others write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import op


@contextmanager
def concurrently() -> Iterator[dict[str, Any]]:
    """Let a revision create and drop indexes on PostgreSQL while others write.

    This is impossible inside a transaction. Yields the options for `op.create_index`
    and `op.drop_index`.
    """
    if op.get_context().dialect.name != "postgresql":
        yield {}
        return
    with op.get_context().autocommit_block():
        yield {"postgresql_concurrently": True}
