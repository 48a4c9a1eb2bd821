"""Repeats the first statement of a transaction if its connection was lost.

A pooled connection may have been lost since its last use. If the server has closed the
connection, the pool notices this without a round trip (`drivers/sockets.py`). If a
firewall has dropped the connection, or the server's host has crashed, only the first
statement finds this out.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

# A statement is repeated only if it failed within this time. If it took longer, the
# server is slow or silent, and the request would wait a second time.
AT_ONCE = 1.0  # seconds


def twice_if_lost(
    db: Session, call: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
) -> Any:
    """Execute a statement with a method of `db`, and repeat it after a lost connection.

    The statement is repeated only if it was the first of its transaction. At that
    point, nothing has been committed, so nothing happens twice. The statement is not
    repeated if the session already holds loaded objects, because the rollback would
    remove them.
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
