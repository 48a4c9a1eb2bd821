"""The audit log: who changed what in the admin, when, why, and by which request.

    audit.record(db, Entry(staff_id, "users.disable", "users:7", reason="Spam"))

The entry belongs to the transaction of the change, so neither can exist without the
other. Nothing changes or deletes an entry, except the purge after `KEPT`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from asgi_correlation_id import correlation_id
from sqlalchemy import Connection, event, inspect
from sqlalchemy.orm import Mapper, Session

from app.core.logging import scrub_for_log, security_event
from app.core.text import mask_emails

from .models import AuditEntry

# A year, plus some time to investigate events that are a year old. The trigger in the
# migration has the same number of days.
KEPT = timedelta(days=400)

State = dict[str, Any]


class AuditEntryKept(RuntimeError):
    """The code tried to change or delete an entry of the audit log."""


@dataclass(frozen=True)
class Entry:
    """An entry to record.

    `target` names the changed row: the key of its list in the admin, and its id.
    """

    actor_id: int
    action: str
    target: str
    summary: str = ""
    reason: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def record(db: Session, entry: Entry) -> None:
    """Add an entry to this transaction.

    In the entry, secrets are redacted, and email addresses are masked.
    """
    db.add(
        AuditEntry(
            actor_id=entry.actor_id,
            action=entry.action,
            target=entry.target,
            summary=_clean(entry.summary)[:300],
            reason=_clean(entry.reason)[:500],
            before=_clean(entry.before),
            after=_clean(entry.after),
            request_id=(correlation_id.get() or "")[:64],
        )
    )
    db.flush()
    security_event(
        "staff_action", routine=True, by=entry.actor_id, action=entry.action, target=entry.target
    )


def state_of(row: Any) -> State:
    """Return the loaded columns of a row, except secrets, hashes and binary data."""
    found = inspect(row)
    return {
        name: found.dict[name]
        for name in found.mapper.column_attrs.keys()  # noqa: SIM118 - not a dictionary
        if name in found.dict and not isinstance(found.dict[name], bytes)
    }


def changes(before: State, after: State) -> tuple[State, State]:
    """Return both states, reduced to the columns that differ."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ({n: before.get(n) for n in names}, {n: after.get(n) for n in names})


def _clean(value: Any) -> Any:
    return _masked(scrub_for_log(value))


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_emails(value)
    if isinstance(value, Mapping):
        return {name: _masked(item) for name, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _refuse(_mapper: Mapper[Any], _connection: Connection, entry: AuditEntry) -> None:
    raise AuditEntryKept(f"Entry {entry.id} of the audit log must stay as it is.")


for _change in ("before_update", "before_delete"):
    event.listen(AuditEntry, _change, _refuse)
