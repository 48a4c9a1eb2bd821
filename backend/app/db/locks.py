"""Serialises transactions that want the same value, so that they do not collide at a
unique index.
"""

from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from .engines import HELD, LOCK_SECONDS
from .errors import DatabaseTimeout


def wait_for_turn(db: Session, column: InstrumentedAttribute[str], value: str) -> None:
    """Wait until no other transaction holds the lock for this value, and hold it until
    this one ends.

    Without the lock, InnoDB would respond to a second attempt at a unique index with a
    deadlock. A transaction that met a duplicate keeps a lock on the gap into which the
    others want to insert. Raises `DatabaseTimeout` (503) after `LOCK_SECONDS`. SQLite
    has only one writer anyway.
    """
    connection, name = db.connection(), f"{column} {value}"
    if connection.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    elif connection.dialect.name == "mysql":
        # The names of these locks belong to the whole server, and have at most 64
        # characters.
        key = sha256(f"{connection.engine.url.database} {name}".encode()).hexdigest()
        if not db.scalar(select(func.get_lock(key, LOCK_SECONDS))):
            raise DatabaseTimeout
        connection.info.setdefault(HELD, []).append(key)
