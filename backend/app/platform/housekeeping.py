"""Purges of the platform's own tables."""

from datetime import timedelta

from app.db.changes import CacheMark

from .models import IdempotencyKey, Job, Mail
from .purges import purge

# Email addresses are personal data. They are kept for this long, so that operators can
# answer questions about sent emails.
MAIL_KEPT = timedelta(days=30)
# A response stays in a shared cache for a much shorter time.
MARKS_KEPT = timedelta(minutes=10)

purge(IdempotencyKey.expires_at)
purge(Mail.sent_at, kept=MAIL_KEPT)
purge(Mail.dead_at, kept=MAIL_KEPT)
purge(Job.dead_at, kept=MAIL_KEPT)
purge(CacheMark.hot_until, kept=MARKS_KEPT)
