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

# Repeat a statement only if its failure came within this time. A server that took
# longer is slow or silent, and the request would wait a second time.
AT_ONCE = 1.0  # seconds


def twice_if_lost(
    db: Session, call: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
) -> Any:
    """Execute a statement with a method of `db`, and repeat it after a lost connection.

    The statement is repeated only if it was the first of its transaction. Nothing has
    been committed then, so nothing happens twice. Nor is it repeated if the session
    already holds loaded objects, because the rollback would remove them.
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
