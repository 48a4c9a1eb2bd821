"""Creates and drops indexes without blocking writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import op


@contextmanager
def concurrently() -> Iterator[dict[str, Any]]:
    """Yield options for `op.create_index` and `op.drop_index` that do not block writes.

    The options are for PostgreSQL, which can do this only outside a transaction. So the
    block runs outside the transaction.
    """
    if op.get_context().dialect.name != "postgresql":
        yield {}
        return
    with op.get_context().autocommit_block():
        yield {"postgresql_concurrently": True}
