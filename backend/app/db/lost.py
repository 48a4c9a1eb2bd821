"""Repeats the first statement of a transaction if its connection was lost.

A pooled connection may have been lost since its last use. If the server has closed it,
the pool notices this without a round trip (`drivers/sockets.py`). If a firewall dropped
the connection or the host crashed, only the first statement shows the loss.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

# A server that took longer is slow or silent, but not gone. A second try would make the
# request wait for twice the limit.
AT_ONCE = 1.0  # seconds


def twice_if_lost(
    db: Session, call: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
) -> Any:
    """Execute a statement with a method of `db`, and repeat it after a lost connection.

    The statement is repeated only if it was the first of its transaction. Nothing has
    been committed then, so nothing happens twice. A statement of a session that already
    has rows is not repeated, because the rollback would remove the rows from the
    session.
    """
    if db.in_transaction() or db.new or db.identity_map:
        return call(*args, **options)
    began = time.monotonic()
    try:
        return call(*args, **options)
    except DBAPIError as error:
        if not error.connection_invalidated or time.monotonic() - began > AT_ONCE:
            raise
    db.rollback()
    return call(*args, **options)
