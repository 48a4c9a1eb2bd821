"""Purges of the platform's own tables."""

from datetime import timedelta

from .models import IdempotencyKey, Job, Mail
from .purges import purge

# Email addresses are personal data. They are kept for this long, so that operators can
# answer questions about sent emails.
MAIL_KEPT = timedelta(days=30)

purge(IdempotencyKey.expires_at)
purge(Mail.sent_at, kept=MAIL_KEPT)
purge(Mail.dead_at, kept=MAIL_KEPT)
purge(Job.dead_at, kept=MAIL_KEPT)
