"""How a worker sends mail: over a connection kept for a batch, with no transaction open while it speaks to the server.

Several threads of a worker do so at once. Each takes one mail at a time, so that one which somebody waits for
overtakes all the others at the next step of any thread.
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

from . import leases
from .gateway import Line, SendingFailed, Unreachable
from .mail import UnreadableMail, WrongKey, sender, written_out
from .models import Mail, Priority
from .wakes import mail_bell

LEASE = timedelta(minutes=2)  # several times what one mail may take (`gateway.TOTAL_SECONDS`)
BATCH_MAILS = 100  # over one connection, and for so long: servers cut off those who never go
BATCH_SECONDS = 60.0
CROWDED_SECONDS = 5.0  # until a thread that the server has no connection for asks again
RECORD_PAUSE = 0.5  # seconds

log = get_logger(__name__)


class LinkRanOut(SendingFailed):
    """Nobody could use the link in the mail any more."""


def send_due(stopping: Event | None = None) -> bool:
    """Send mails while some are due, at most a batch. False when there was none to send.

    Without a mail server mails wait. A mail is sent twice only when the worker dies, or the line breaks, after the
    server has it and before we know.
    """
    if get_settings().smtp_host is None:
        return False
    sent, until = 0, time.monotonic() + BATCH_SECONDS
    with Line(get_settings()) as line:
        while sent < BATCH_MAILS and time.monotonic() < until:
            lease_end = time.monotonic() + LEASE.total_seconds()
            if (stopping and stopping.is_set()) or not (mail := _claim()):
                break
            mail_bell.ring()  # there may be more: the other threads should look
            failure = _send(line, mail)
            if isinstance(failure, Unreachable) and failure.is_crowded:  # fewer connections than we have threads
                log.info("mail_server_crowded")
                _insist(leases.give_back, mail, until=lease_end)
                (stopping or Event()).wait(CROWDED_SECONDS)
                break
            _insist(partial(settle, failure=failure), mail, until=lease_end)
            sent += 1
    return sent > 0


def _claim() -> Mail | None:
    """One query for each priority: so the index serves each, however many mails wait, or were sent."""
    with WorkerSession() as db, db.begin():
        for priority in Priority:
            if mail := leases.claim(db, Mail, LEASE, Mail.priority == priority):
                return mail
    return None


def _send(line: Line, mail: Mail) -> SendingFailed | None:
    assert mail.due_at
    claimed_at = mail.due_at - LEASE
    if mail.useful_until and mail.useful_until <= claimed_at:
        return LinkRanOut("The link in it ran out before it could be sent")
    try:
        line.send(_message(mail), to=mail.recipient, sender=sender().addr_spec)
    except SendingFailed as failure:
        return failure
    except BaseException as error:
        log.exception("mail_failed", id=mail.id)
        return SendingFailed(leases.reason_of(error))
    return None


def _message(mail: Mail) -> bytes:
    """Raise `SendingFailed`: for good when recipient or content cannot be put into a mail, whoever tries again.

    A `ValueError` from anywhere else is about our settings, such as a password that cannot be encoded, or about our
    code. Both get mended, and until then the mail waits.
    """
    try:
        return written_out(mail)
    except WrongKey as error:
        raise SendingFailed(str(error)) from error
    except (UnreadableMail, MessageError, ValueError) as error:
        raise SendingFailed(str(error), permanent=True) from error


def _insist(note: Callable[[Session, Mail], None], mail: Mail, *, until: float) -> None:
    """Write down what became of it. While we hold the lease nobody else sends it: until then we keep trying."""
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


def settle(db: Session, mail: Mail, failure: SendingFailed | None) -> None:
    if failure is None:
        kept = mail.body if get_settings().environment == "development" else None
        leases.release(db, mail, due_at=None, sent_at=clock.now(), body=kept, last_error=None)
        log.info("mail_sent", id=mail.id, attempts=mail.attempts, message_id=mail.message_id)
    elif isinstance(failure, LinkRanOut):
        leases.release(db, mail, due_at=None, dead_at=clock.now(), body=None, last_error=str(failure))
        log.warning("mail_useless", id=mail.id, message_id=mail.message_id, reason=str(failure))
    elif failure.permanent:
        leases.bury(db, mail, str(failure))
    else:
        leases.retry_later(db, mail, str(failure))
