"""Repeats the first statement of a transaction if its connection turns out to be lost.

A pooled connection may have died since its last use. The pool notices without asking if
the server has said goodbye (`drivers/sockets.py`). A firewall or a crashed host says
nothing: only the first statement shows it.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

# A server that took longer is slow or silent, not gone. To ask once more would make the
# request wait for twice the limit.
AT_ONCE = 1.0  # seconds


def twice_if_lost(
    db: Session, call: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
) -> Any:
    """Call a method of `db` that executes a statement, and once more if it was the
    first of its transaction and the connection was lost.

    Nothing has been committed then, so nothing happens twice. A session that already
    holds rows is left alone, because the rollback would make it forget them.
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
