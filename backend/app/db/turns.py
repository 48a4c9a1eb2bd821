"""Transactions that want the same thing go one after the other, before they meet at a unique index."""

from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.engines import HELD, LOCK_SECONDS
from app.db.errors import DatabaseTimeout


def wait_for_turn(db: Session, column: InstrumentedAttribute[str], value: str) -> None:
    """Return when no other transaction that came through here with this value is open; hold it until the end of this.

    Trying a unique index again is what InnoDB answers with a deadlock: whoever met a duplicate keeps a lock on the gap
    where the others want to insert. Raises `DatabaseTimeout` (503) after `LOCK_SECONDS`. On SQLite there is
    only one writer anyway.
    """
    connection, name = db.connection(), f"{column} {value}"
    if connection.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    elif connection.dialect.name == "mysql":
        # Names are those of the whole server, and at most 64 characters long.
        key = sha256(f"{connection.engine.url.database} {name}".encode()).hexdigest()
        if not db.scalar(select(func.get_lock(key, LOCK_SECONDS))):
            raise DatabaseTimeout
        connection.info.setdefault(HELD, []).append(key)
