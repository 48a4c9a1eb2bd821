"""Keys that stay the same when `SECRET_KEY` is changed: for what is stored as a digest alone, and compared years later.

Such a digest cannot be made anew under another key, because what it was made of is gone. So its key is derived once and
kept in the database, where it is worth less than the rows that it protects: whoever has both can try addresses that
they know, and nothing else is made with it.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.core.keys import derive_keys
from app.db.errors import conflicts

from .models import KeptKey


class _MadeMeanwhile(Conflict):
    """Never leaves this module: another process kept one first."""


def kept_key(db: Session, purpose: str) -> bytes:
    """32 bytes for this purpose, from its first use on the same: derived from the oldest `SECRET_KEY` known then."""
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
