"""The export of the audit log, as JSON lines."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.platform import audit
from app.platform.models import AuditEntry

from .acting import REASON, read_field
from .calls import Call
from .pages import id_of
from .rendering import HEADERS
from .staff import Gate

LINES = 10_000


def show_export(call: Call) -> Response:
    return call.render("export.html", title="Export the audit log", reason=REASON, lines=LINES)


def export(call: Call) -> Response:
    """Return at most `LINES` entries after an id, oldest first, and record the
    export.
    """
    call.require_fresh()
    call.again = (
        "export.html",
        {
            "title": "Export the audit log",
            "reason": REASON,
            "lines": LINES,
        },
    )
    after = id_of(call.form.get("after") or "0")
    entry = audit.Entry(
        call.user.user_id,
        "audit.export",
        f"audit:{after}",
        f"At most {LINES} entries after entry {after} were exported.",
        read_field(call, REASON),
    )
    lines = _lines(call.db, call.known.gate, after)
    audit.record(call.db, entry)
    headers = {
        **HEADERS,
        "Content-Disposition": f'attachment; filename="audit-after-{after}.jsonl"',
    }
    return Response("".join(lines), media_type="application/jsonl", headers=headers)


def _lines(db: Session, gate: Gate, after: int) -> list[str]:
    later = select(AuditEntry).where(AuditEntry.id > after).order_by(AuditEntry.id)
    entries = db.scalars(later.limit(LINES)).all()
    names = gate.names(db, {entry.actor_id for entry in entries})
    return [json.dumps(_plain(one, names.get(one.actor_id)), default=str) + "\n" for one in entries]


def _plain(entry: AuditEntry, name: str | None) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.created_at.isoformat(),
        "actor_id": entry.actor_id,
        "actor": name or "erased account",
        "action": entry.action,
        "target": entry.target,
        "summary": entry.summary,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "request_id": entry.request_id,
    }
