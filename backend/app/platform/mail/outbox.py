"""Sends queued emails, in a worker.

One SMTP connection serves a batch. No transaction is open during a call to the mail
server.

Several threads of a worker send emails at the same time. Each thread claims one email
at a time, the most urgent first. So an urgent email does not wait for a batch.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from email.errors import MessageError
from functools import partial
from threading import Event

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db import clock
from app.db.database import WorkerSession
from app.platform.models import Mail, Priority
from app.platform.queues import leases
from app.platform.queues.wakes import mail_bell

from . import UnreadableMail, WrongKey, mail_sender, written_out
from .smtp_client import Line, SendingFailed, Unreachable

LEASE = timedelta(minutes=2)  # several times the limit for one email (`smtp_client.TOTAL_SECONDS`)
BATCH_MAILS = 100  # per connection, because servers end connections that last too long
BATCH_SECONDS = 60.0
CROWDED_SECONDS = 5.0  # before a retry, if the server refused another connection
RECORD_PAUSE = 0.5  # seconds

log = get_logger(__name__)


class LinkRanOut(SendingFailed):
    """The link in the email has expired."""


def send_due(stopping: Event | None = None) -> bool:
    """Send due emails, at most one batch. Return false if no email was due.

    Without a mail server, emails wait. After the server has accepted an email, the
    server's reply may not arrive, because the worker dies or the connection breaks. An
    email is sent twice only in this case.
    """
    if get_settings().smtp_host is None:
        return False
    sent, until = 0, time.monotonic() + BATCH_SECONDS
    with Line(get_settings()) as line:
        while sent < BATCH_MAILS and time.monotonic() < until:
            lease_end = time.monotonic() + LEASE.total_seconds()
            if (stopping and stopping.is_set()) or not (mail := _claim()):
                break
            mail_bell.ring()  # there may be more due emails, so wake the other threads
            failure = _send(line, mail)
            # The server allows fewer connections than this process has threads.
            if isinstance(failure, Unreachable) and failure.is_crowded:
                log.info("mail_server_crowded")
                _insist(leases.give_back, mail, until=lease_end)
                (stopping or Event()).wait(CROWDED_SECONDS)
                break
            _insist(partial(record_sending, failure=failure), mail, until=lease_end)
            sent += 1
    return sent > 0


def _claim() -> Mail | None:
    """Claim the most urgent email.

    Each priority has a separate query, so that each query can use the index.
    """
    with WorkerSession() as db, db.begin():
        for priority in Priority:
            if mail := leases.claim_due_row(db, Mail, LEASE, Mail.priority == priority):
                return mail
    return None


def _send(line: Line, mail: Mail) -> SendingFailed | None:
    assert mail.due_at
    claimed_at = mail.due_at - LEASE
    if mail.useful_until and mail.useful_until <= claimed_at:
        return LinkRanOut("The link in this email expired before the email could be sent")
    try:
        line.send(_message(mail), to=mail.recipient, sender=mail_sender().addr_spec)
    except SendingFailed as failure:
        return failure
    except BaseException as error:
        log.exception("mail_failed", id=mail.id)
        return SendingFailed(leases.reason_of(error))
    return None


def _message(mail: Mail) -> bytes:
    """Return the email as bytes to send. Raises `SendingFailed`.

    The failure is permanent if the recipient or the content cannot be put into an
    email, because no retry would change that. Other errors come from our settings or
    our code. The email waits until these errors are fixed.
    """
    try:
        return written_out(mail)
    except WrongKey as error:
        raise SendingFailed(str(error)) from error
    except (UnreadableMail, MessageError, ValueError) as error:
        raise SendingFailed(str(error), permanent=True) from error


def _insist(note: Callable[[Session, Mail], None], mail: Mail, *, until: float) -> None:
    """Record the result of an email. If the database fails, retry until `until`.

    While this worker holds the lease, no other worker sends the email.
    """
    while True:
        try:
            with WorkerSession() as db, db.begin():
                note(db, mail)
        except leases.LeaseLost:
            log.warning("mail_taken_over", id=mail.id)
        except SQLAlchemyError:
            if time.monotonic() >= until:
                raise
            time.sleep(RECORD_PAUSE)
            continue
        return


def record_sending(db: Session, mail: Mail, failure: SendingFailed | None) -> None:
    if failure is None:
        kept = mail.body if get_settings().environment == "development" else None
        leases.release_lease(db, mail, due_at=None, sent_at=clock.now(), body=kept, last_error=None)
        log.info("mail_sent", id=mail.id, attempts=mail.attempts, message_id=mail.message_id)
    elif isinstance(failure, LinkRanOut):
        leases.release_lease(
            db, mail, due_at=None, dead_at=clock.now(), body=None, last_error=str(failure)
        )
        log.warning("mail_useless", id=mail.id, message_id=mail.message_id, reason=str(failure))
    elif failure.permanent:
        leases.make_dead_letter(db, mail, str(failure))
    else:
        leases.retry_later(db, mail, str(failure))
