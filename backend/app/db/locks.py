"""Locks on values, for transactions that may insert the same unique value."""

from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from .engines import HELD, LOCK_SECONDS
from .errors import DatabaseTimeout


def wait_for_turn(db: Session, column: InstrumentedAttribute[str], value: str) -> None:
    """Wait for the lock of this value, and hold it until the transaction ends.

    Without this lock, two transactions that insert a duplicate can deadlock in InnoDB:
    a transaction whose INSERT has failed keeps a lock on the gap between rows into
    which the others want to insert. Raises `DatabaseTimeout` (503) after
    `LOCK_SECONDS`. SQLite has only one writer at a time, so it needs no such lock.
    """
    connection, name = db.connection(), f"{column} {value}"
    if connection.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    elif connection.dialect.name == "mysql":
        # All databases of a server share the names of these locks, which have at most
        # 64 characters.
        key = sha256(f"{connection.engine.url.database} {name}".encode()).hexdigest()
        if not db.scalar(select(func.get_lock(key, LOCK_SECONDS))):
            raise DatabaseTimeout
        connection.info.setdefault(HELD, []).append(key)
