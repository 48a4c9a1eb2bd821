"""What the platform's own tables need doing now and then."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, or_
from sqlalchemy.orm import Session

from app.db import clock

from .jobs import recurring
from .models import IdempotencyKey, Job, Mail

MAIL_KEPT = timedelta(days=30)  # addresses are personal data; so long somebody may ask what was sent


@recurring("platform.purge", every=timedelta(hours=1))
def purge(db: Session, _payload: dict[str, Any]) -> None:
    """Delete mails and dead letters that nobody asks for any more, and answers whose keys have expired."""
    past = clock.now(-MAIL_KEPT)
    for what in (
        delete(Mail).where(or_(Mail.sent_at < past, Mail.dead_at < past)),
        delete(Job).where(Job.dead_at < past),
        delete(IdempotencyKey).where(IdempotencyKey.expires_at < clock.now()),
    ):
        db.execute(what.execution_options(synchronize_session=False))
