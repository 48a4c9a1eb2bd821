"""Says when rows of the platform's own tables are deleted."""

from datetime import timedelta

from .models import IdempotencyKey, Job, Mail
from .purges import purge

# Addresses are personal data. They are kept for this long in case someone asks what was
# sent.
MAIL_KEPT = timedelta(days=30)

purge(IdempotencyKey.expires_at)
purge(Mail.sent_at, kept=MAIL_KEPT)
purge(Mail.dead_at, kept=MAIL_KEPT)
purge(Job.dead_at, kept=MAIL_KEPT)
