"""Queues emails. A worker sends them later (`outbox.py`).

An email is a row, written in the feature's own transaction.

The other modules of this folder: `outbox` sends queued emails, and `smtp_client` speaks
SMTP. `app.platform.queues` contains the code that jobs and emails share.
"""

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
from app.platform.limits import RateLimit
from app.platform.models import Mail, Priority
from app.platform.queues.leases import PATIENCE
from app.platform.queues.wakes import mail_bell, ring_after
from app.platform.templates import Rendered, render_mail

PURPOSE = "queued mails"
ALARM = RateLimit("alarm of mail to strangers", "1 per hour")

log = get_logger(__name__)


class UnreadableMail(Exception):
    """The body of the email was deleted, or cannot be decrypted."""


class WrongKey(UnreadableMail):
    """The body was encrypted with another `SECRET_KEY`.

    The body becomes readable again once the right key is configured.
    """


def queue_mail(
    db: Session,
    to: str,
    template: str,
    *,
    useful_for: timedelta | None = None,
    to_stranger: bool = False,
    **values: object,
) -> None:
    """Queue an email, to be sent after the transaction is committed.

    `template` is `<feature>/<name>` (see `templates.py`). `useful_for` is how long the
    link in the email is valid. Emails with a link are sent before other emails, and are
    not sent after the link has expired. `to_stranger` means that nobody has proved that
    the address belongs to the account.

    Raises `ValueError` if `to` is not a plain address, and any error raised while
    rendering the template.
    """
    rendered = render_mail(template, dict(values))
    mail = Mail(
        # This rejects line breaks, lists and `Name <a@b>`.
        recipient=canonical_email(to),
        subject=rendered.subject[:255],
        body=cipher(PURPOSE).encrypt(
            json.dumps({"text": rendered.text, "html": rendered.html}).encode()
        ),
        message_id=f"<{uuid4().hex}@{mail_sender().domain}>",
        due_at=clock.now(),
        give_up_at=clock.now(PATIENCE),
        priority=_priority(has_link=useful_for is not None, to_stranger=to_stranger),
        useful_until=clock.now(useful_for) if useful_for else None,
    )
    db.add(mail)
    ring_after(db, mail_bell)


def _priority(*, has_link: bool, to_stranger: bool) -> Priority:
    """Return the priority of an email.

    Emails to strangers above the hourly limit are sent after all other emails, so that
    they delay no other email. They are not dropped, because an attacker could then
    prevent all registrations.
    """
    most = get_settings().mail_to_strangers_per_hour
    if to_stranger and not RateLimit("mail to strangers", f"{most} per hour").allows("all"):
        if ALARM.allows("all"):
            log.error("mail_to_strangers_held_back", limit_per_hour=most)
        return Priority.HELD_BACK
    return Priority.LINK if has_link else Priority.NOTICE


def forget_recipient(db: Session, address: str) -> None:
    """Remove the recipient from all emails.

    Unsent emails are deleted. All other rows stay, without recipient and body.
    """
    theirs = Mail.recipient == address
    db.execute(delete(Mail).where(theirs, Mail.sent_at.is_(None), Mail.dead_at.is_(None)))
    db.execute(update(Mail).where(theirs).values(recipient="", body=None))


def read_mail(mail: Mail) -> Rendered:
    """Return the content of an email. Raises `UnreadableMail`."""
    if mail.body is None:
        raise UnreadableMail("The body of this email was deleted after it was sent")
    try:
        body = json.loads(cipher(PURPOSE).decrypt(mail.body))
    except InvalidToken:
        raise WrongKey("This email was encrypted with another SECRET_KEY") from None
    return Rendered(mail.subject, body["text"], body["html"])


def written_out(mail: Mail) -> bytes:
    """Return the email as bytes to send, which are the same at every attempt.

    Raises `UnreadableMail`. Raises `ValueError` or `MessageError` if the recipient or
    the content cannot be put into an email.
    """
    rendered = read_mail(mail)
    message = EmailMessage(policy=SMTP)
    message["From"] = mail_sender()
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(mail.created_at.astimezone(UTC))
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: autoresponders do not reply to it
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message.as_bytes()


def mail_sender() -> Address:
    mail_from = get_settings().mail_from
    # Production requires MAIL_FROM at startup, and the other environments have a
    # default.
    assert mail_from
    return sender_of(mail_from)
