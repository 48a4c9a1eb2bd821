"""The views of the platform's tables: emails, jobs, dead letters and the audit log."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from app.core.logging import scrub_for_log
from app.db import clock
from app.platform.models import AuditEntry, Job, Mail
from app.platform.queues import dead_letters
from app.platform.queues.leases import Leased

from .views import (
    Action,
    ActionRefused,
    Badge,
    Block,
    Column,
    Field,
    Filter,
    Given,
    Link,
    Person,
    Table,
    Tool,
    View,
)

GROUP = "System"
SHOWN = 20


def as_json(value: Any) -> Block:
    """Return a value as indented JSON, without secrets."""
    return Block(json.dumps(scrub_for_log(value), indent=2, ensure_ascii=False))


def _state(row: Any) -> Badge:
    if row.dead_at:
        return Badge("dead letter", "bad")
    if getattr(row, "sent_at", None):
        return Badge("sent", "good")
    if row.lease:
        return Badge("in progress")
    return Badge("failed, will be retried", "warning") if row.last_error else Badge("waiting")


def _states(model: type[Leased], **others: Any) -> Filter:
    waits = model.due_at.is_not(None)
    choices = {
        "dead letter": model.is_dead_letter(),
        "failed, will be retried": waits & model.last_error.is_not(None),
        "due": waits & (model.due_at <= clock.now()),
        **others,
    }
    return Filter("state", "State", choices)


def _retry(db: Session, row: Any, _given: Given) -> str:
    dead_letters.requeue_dead_letters(db, [f"{type(row).__name__.lower()}:{row.id}"])
    return "A worker will try this again now, and for a full day."


RETRY = Action(
    "retry",
    "Try again",
    _retry,
    about="Makes the dead letter due now. Workers retry it for a full day.",
    when=lambda row: row.dead_at is not None,
    is_dangerous=False,
)
WORK = (
    Column("State", _state),
    Column("Attempts", lambda row: row.attempts),
    Column("Created", lambda row: row.created_at),
)
WORK_DETAILS = (
    *WORK,
    Column("Due", lambda row: row.due_at),
    Column("Became a dead letter", lambda row: row.dead_at),
    Column("Last error", lambda row: Block(row.last_error) if row.last_error else None),
)


def _about(db: Session, row: AuditEntry) -> list[Table]:
    earlier = (AuditEntry.target == row.target) & (AuditEntry.id < row.id)
    found = db.scalars(
        select(AuditEntry).where(earlier).order_by(AuditEntry.id.desc()).limit(SHOWN)
    )
    rows = [(Link(f"#{e.id}", "audit", e.id), e.created_at, e.action, e.reason) for e in found]
    return [Table("Earlier changes", ("Entry", "When", "Action", "Reason"), rows)]


def entries_about(db: Session, target: str) -> Table:
    """Return the newest entries of the audit log about a row."""
    newest = select(AuditEntry).where(AuditEntry.target == target).order_by(AuditEntry.id.desc())
    rows = [
        (Link(f"#{e.id}", "audit", e.id), e.created_at, Person(e.actor_id), e.action, e.reason)
        for e in db.scalars(newest.limit(SHOWN))
    ]
    return Table("What staff did", ("Entry", "When", "Who", "Action", "Reason"), rows)


def _letters(db: Session) -> list[Table]:
    rows = [
        (letter.name, letter.about, letter.reason, letter.attempts, letter.since)
        for letter in reversed(dead_letters.list_dead_letters(db))
    ]
    headings = ("Name", "What", "Error", "Attempts", "Since")
    return [Table(f"The newest dead letters, at most {dead_letters.SHOWN}", headings, rows)]


def _requeue(db: Session, given: Given) -> str:
    name = given.values["name"]
    names = [name] if name else [one.name for one in dead_letters.list_dead_letters(db)]
    try:
        number = dead_letters.requeue_dead_letters(db, names)
    except dead_letters.NoSuchLetter:
        raise ActionRefused(f"There is no dead letter named {name}.") from None
    return f"Workers will try {number} again."


def _target(entry: AuditEntry) -> Any:
    key, _, number = entry.target.partition(":")
    known = number.isascii() and number.isdigit() and len(number) < 19  # noqa: PLR2004 - 64 bits
    return Link(entry.target, key, int(number)) if known else entry.target


def _find_entries(text: str) -> Any:
    if text.isascii() and text.isdigit() and len(text) < 19:  # noqa: PLR2004 - 64 bits
        return AuditEntry.actor_id == int(text)
    return AuditEntry.target == text if ":" in text else None


VIEWS = (
    View(
        key="mails",
        title="Emails",
        group=GROUP,
        model=Mail,
        about="Emails are deleted 30 days after they were sent.",
        columns=(
            Column("To", lambda row: row.recipient),
            Column("Subject", lambda row: row.subject),
            *WORK,
        ),
        details=(
            Column("To", lambda row: row.recipient),
            Column("Message-ID", lambda row: row.message_id),
            Column("Sent", lambda row: row.sent_at),
            *WORK_DETAILS,
        ),
        name=lambda row: row.subject,
        find=lambda text: Mail.recipient == text.lower() if "@" in text else None,
        search=(Mail.recipient, Mail.subject),
        filters=(_states(Mail, sent=Mail.sent_at.is_not(None)),),
        options=(defer(Mail.body),),
        actions=(RETRY,),
    ),
    View(
        key="jobs",
        title="Jobs",
        group=GROUP,
        model=Job,
        about="The row of a job is deleted when the job is done.",
        columns=(Column("Kind", lambda row: row.kind), *WORK),
        details=(
            Column("Lane", lambda row: row.lane),
            Column("Payload", lambda row: as_json(row.payload)),
            *WORK_DETAILS,
        ),
        name=lambda row: row.kind,
        search=(Job.kind,),
        filters=(_states(Job),),
        actions=(RETRY,),
    ),
    View(
        key="audit",
        title="Audit log",
        group=GROUP,
        model=AuditEntry,
        about="Every change in this admin. Entries are never changed, and are kept for 400 days.",
        columns=(
            Column("When", lambda row: row.created_at),
            Column("Who", lambda row: Person(row.actor_id)),
            Column("Action", lambda row: row.action),
            Column("On", _target),
            Column("Reason", lambda row: row.reason),
        ),
        details=(
            Column("When", lambda row: row.created_at),
            Column("Who", lambda row: Person(row.actor_id)),
            Column("Action", lambda row: row.action),
            Column("On", _target),
            Column("Result", lambda row: row.summary),
            Column("Reason", lambda row: row.reason),
            Column("Before", lambda row: as_json(row.before)),
            Column("After", lambda row: as_json(row.after)),
            Column("Request", lambda row: row.request_id),
        ),
        find=_find_entries,
        search=(AuditEntry.action, AuditEntry.reason, AuditEntry.target),
        tables=_about,
    ),
)
TOOLS = (
    Tool(
        key="dead-letters",
        title="Dead letters",
        group=GROUP,
        about="Emails and jobs that the workers gave up on. They can be tried again for a full "
        "day, one by one or all that are listed.",
        button="Try again",
        fields=(
            Field(
                "name",
                "Name",
                optional=True,
                longest=80,
                about="Such as mail:12. Leave it empty to try all listed ones again.",
            ),
        ),
        run=_requeue,
        target=lambda given: given.values["name"] or "all listed",
        tables=_letters,
    ),
)
