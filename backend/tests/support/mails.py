"""Reads the emails that the application has queued."""

import re
from urllib.parse import unquote

from sqlalchemy import select

from app.db.database import SessionLocal
from app.platform.mail import read_mail
from app.platform.models import Mail
from app.platform.templates import Rendered


def mails_to(address: str) -> list[Rendered]:
    """Return the emails to this address, oldest first."""
    with SessionLocal() as db:
        return [
            read_mail(mail)
            for mail in db.scalars(select(Mail).where(Mail.recipient == address).order_by(Mail.id))
        ]


def token_of(mail: Rendered) -> str:
    """Return the token in the link of an email."""
    found = re.search(r"[?&]token=([^\s&]+)", mail.text)
    assert found, mail.text
    return unquote(found[1])
