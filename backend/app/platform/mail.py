"""Mail as features send it: a row of their transaction. A worker takes it from there (`outbox.py`)."""

import json
from datetime import UTC, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import uuid4

from cryptography.fernet import InvalidToken
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.keys import cipher
from app.core.logging import get_logger
from app.core.mail_settings import sender_of
from app.core.text import canonical_email
from app.db import clock

from .leases import PATIENCE
from .limits import RateLimit
from .models import Mail, Priority
from .templates import Rendered, render_mail
from .wakes import mail_bell, ring_after

PURPOSE = "queued mails"
ALARM = RateLimit("alarm of mail to strangers", "1 per hour")

log = get_logger(__name__)


class UnreadableMail(Exception):
    """Its body is gone."""


class WrongKey(UnreadableMail):
    """Its body was encrypted with another `SECRET_KEY`. It can be read again when the key is put right."""


def queue_mail(
    db: Session,
    to: str,
    template: str,
    *,
    useful_for: timedelta | None = None,
    to_stranger: bool = False,
    **values: object,
) -> None:
    """Have the mail sent once this transaction is committed. `template` is `<feature>/<name>` (`templates.py`).

    `useful_for` is how long the link in it lives: such mails go out before others, and not at all when the link has
    run out. `to_stranger` says that the address belongs to no account as far as anyone has proved.
    Raises `ValueError` for what is no plain address, and what a faulty template raises.
    """
    rendered = render_mail(template, dict(values))
    mail = Mail(
        recipient=canonical_email(to),  # no line break, list or `Name <a@b>` gets past it (security requirement 47)
        subject=rendered.subject[:255],
        body=cipher(PURPOSE).encrypt(json.dumps({"text": rendered.text, "html": rendered.html}).encode()),
        message_id=f"<{uuid4().hex}@{sender().domain}>",
        due_at=clock.now(),
        give_up_at=clock.now(PATIENCE),
        priority=_priority(has_link=useful_for is not None, to_stranger=to_stranger),
        useful_until=clock.now(useful_for) if useful_for else None,
    )
    db.add(mail)
    ring_after(db, mail_bell)


def _priority(*, has_link: bool, to_stranger: bool) -> Priority:
    """Mail to strangers above the hourly limit goes out last: whoever causes it delays nobody else's mail.

    None is dropped, or a stranger could keep everybody from registering.
    """
    most = get_settings().mail_to_strangers_per_hour
    if to_stranger and not RateLimit("mail to strangers", f"{most} per hour").allows("all"):
        if ALARM.allows("all"):
            log.error("mail_to_strangers_held_back", limit_per_hour=most)
        return Priority.HELD_BACK
    return Priority.LINK if has_link else Priority.NOTICE


def forget_recipient(db: Session, address: str) -> None:
    """Mails that wait are not sent any more. Of the others only the fact stays that they were sent, or never were."""
    theirs = Mail.recipient == address
    db.execute(delete(Mail).where(theirs, Mail.sent_at.is_(None), Mail.dead_at.is_(None)))
    db.execute(update(Mail).where(theirs).values(recipient="", body=None))


def read_mail(mail: Mail) -> Rendered:
    """What was written. Raises `UnreadableMail`."""
    if mail.body is None:
        raise UnreadableMail("Its body was wiped when it had been sent")
    try:
        body = json.loads(cipher(PURPOSE).decrypt(mail.body))
    except InvalidToken:
        raise WrongKey("It was encrypted with another SECRET_KEY") from None
    return Rendered(mail.subject, body["text"], body["html"])


def written_out(mail: Mail) -> bytes:
    """The mail as it goes out, the same at every try.

    Raises `UnreadableMail`, and `ValueError` or `MessageError` when recipient or content cannot be put into a mail.
    """
    rendered = read_mail(mail)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender()
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(mail.created_at.astimezone(UTC))
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message.as_bytes()


def sender() -> Address:
    mail_from = get_settings().mail_from
    assert mail_from  # production refuses to start without, the other environments have a default
    return sender_of(mail_from)
