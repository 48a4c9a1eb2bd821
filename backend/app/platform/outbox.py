"""How a worker sends mail: one at a time, with no transaction open while the mail server is spoken to."""

import time
from datetime import timedelta
from email.utils import parseaddr

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db import clock
from app.db.database import WorkerSession

from . import gateway, leases
from .gateway import SendingFailed
from .mail import UnreadableMail, message_of, sender
from .models import Mail

LEASE = timedelta(minutes=2)  # several times what one mail may take (`gateway.TOTAL_SECONDS`)
RECORD_PAUSE = 0.5  # seconds

log = get_logger(__name__)


def send_next() -> bool:
    """Send the mail that is due. False when there is none, or no mail server: then mails wait.

    A mail is sent twice only when the worker dies, or the line breaks, after the server has it and before we know.
    """
    if get_settings().smtp_host is None:
        return False
    begun = time.monotonic()
    with WorkerSession() as db, db.begin():
        mail = leases.claim(db, Mail, LEASE)
    if mail is None:
        return False
    _record(mail, _send(mail), until=begun + LEASE.total_seconds())
    return True


def _send(mail: Mail) -> SendingFailed | None:
    try:
        message = message_of(mail)
        gateway.send(get_settings(), message, to=mail.recipient, sender=parseaddr(sender())[1])
    except SendingFailed as failure:
        return failure
    except (UnreadableMail, ValueError) as error:
        return SendingFailed(str(error), permanent=True)
    return None


def _record(mail: Mail, failure: SendingFailed | None, *, until: float) -> None:
    """Write down what became of it. While we hold the lease nobody else sends it: until then we keep trying."""
    while True:
        try:
            with WorkerSession() as db, db.begin():
                settle(db, mail, failure)
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
    elif failure.permanent:
        leases.bury(db, mail, str(failure))
    else:
        leases.retry_later(db, mail, str(failure))
