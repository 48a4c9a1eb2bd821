"""Re-encryption of authenticator app secrets with the current `SECRET_KEY`."""

from cryptography.fernet import InvalidToken as Unreadable
from sqlalchemy import select

from app.core.keys import cipher, is_current
from app.db.database import SessionLocal
from app.routers.auth.models import Totp

PURPOSE = "totp secrets"
BATCH = 500


def renew_encryption(row: Totp) -> None:
    """Re-encrypt a secret that was encrypted with the previous key.

    Raises `cryptography.fernet.InvalidToken`.
    """
    if not is_current(PURPOSE, row.secret):
        row.secret = cipher(PURPOSE).rotate(row.secret).decode()


def renew_all() -> tuple[int, int]:
    """Re-encrypt all users' secrets with the current key, in batches.

    Return the number of renewed secrets, and the number that neither key can decrypt.
    """
    renewed = unreadable = last = 0
    while True:
        with SessionLocal() as db, db.begin():
            some = (
                select(Totp).where(Totp.id > last).order_by(Totp.id).limit(BATCH).with_for_update()
            )
            rows = list(db.scalars(some))
            if not rows:
                return renewed, unreadable
            for row in rows:
                before, last = row.secret, row.id
                try:
                    renew_encryption(row)
                except Unreadable:
                    unreadable += 1
                renewed += row.secret != before
