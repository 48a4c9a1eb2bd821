"""Keys that stay the same when `SECRET_KEY` changes.

These keys protect values that are stored only as a digest and compared years later.
Such a digest cannot be computed again with a new key, because its input is not stored.
So the key is derived once and kept in the database.

An attacker who reads both the key and the digests can only test addresses that they
already know. The key is used for nothing else.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.keys import derive_keys
from app.db.insertion import insert_if_absent

from .models import KeptKey


def kept_key(db: Session, purpose: str) -> bytes:
    """Return 32 bytes for this purpose. They never change after their first use.

    The bytes are derived from the oldest `SECRET_KEY` that is known at the first use.
    """
    kept = select(KeptKey.key).where(KeptKey.purpose == purpose)
    if found := db.scalar(kept):
        return bytes.fromhex(found)
    derived = KeptKey(purpose=purpose, key=derive_keys(purpose)[-1].hex())
    # Another process may insert the key first.
    insert_if_absent(db, derived, "uq_kept_keys_purpose")
    return bytes.fromhex(db.scalars(kept).one())
