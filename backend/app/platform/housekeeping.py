"""Purges of the platform's own tables."""

from datetime import timedelta

from app.db.changes import CacheMark

from .audit import KEPT
from .models import ActivityEntry, AuditEntry, IdempotencyKey, Job, Mail
from .purges import purge

# Email addresses are personal data. They are kept for this long, so that operators can
# answer questions about sent emails.
MAIL_KEPT = timedelta(days=30)
# The marks of `app.db.changes` are kept for much longer than shared responses.
MARKS_KEPT = timedelta(minutes=10)
# Entries of the activity outbox wait only seconds, unless no feature moves them to a
# timeline or MongoDB is unavailable.
ENTRIES_KEPT = timedelta(days=30)

purge(ActivityEntry.created_at, kept=ENTRIES_KEPT)
# The trigger of this table has the same limit. It refuses to delete newer rows.
purge(AuditEntry.created_at, kept=KEPT)
purge(IdempotencyKey.expires_at)
purge(Mail.sent_at, kept=MAIL_KEPT)
purge(Mail.dead_at, kept=MAIL_KEPT)
purge(Job.dead_at, kept=MAIL_KEPT)
purge(CacheMark.hot_until, kept=MARKS_KEPT)
