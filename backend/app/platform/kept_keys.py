"""Keys that stay the same when `SECRET_KEY` changes.

They are for values that are stored only as a digest and compared years later. Such a
digest cannot be computed again with a new key, because its input is gone. So its key is
derived once and kept in the database.

There it is worth less than the rows that it protects. Someone who has both can test
addresses that they already know. The key is used for nothing else.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.core.keys import derive_keys
from app.db.errors import conflicts

from .models import KeptKey


class _MadeMeanwhile(Conflict):
    """Another process stored a key first. The exception never leaves this module."""


def kept_key(db: Session, purpose: str) -> bytes:
    """Return 32 bytes for this purpose, the same ever since their first use.

    They were derived from the oldest `SECRET_KEY` that was known at that time.
    """
    kept = select(KeptKey.key).where(KeptKey.purpose == purpose)
    if found := db.scalar(kept):
        return bytes.fromhex(found)
    try:
        with db.begin_nested(), conflicts({"uq_kept_keys_purpose": _MadeMeanwhile}):
            db.add(KeptKey(purpose=purpose, key=derive_keys(purpose)[-1].hex()))
            db.flush()
    except _MadeMeanwhile:
        pass
    return bytes.fromhex(db.scalars(kept).one())
