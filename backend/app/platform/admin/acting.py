"""Pages on which staff change something: actions on rows, and tools.

Each change takes a reason and adds an entry to the audit log, in its own transaction.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response
from starlette_admin.flash import flash

from app.core.errors import Unprocessable
from app.platform import audit

from .calls import Call, redirect
from .lists import find_row
from .pages import address_of, id_of, target_of
from .registry import NoSuchPage
from .views import Action, ActionRefused, Done, Field, Given, Tool, View

REASON = Field(
    "reason", "Reason", longest=500, about="The audit log keeps it, so write why, not what."
)


def show_action(call: Call) -> Response:
    view, action, row = _named(call)
    if action.is_dangerous:
        call.require_fresh()
    return call.render("act.html", **_form(view, action, row))


def act(call: Call) -> Response:
    """Run an action on a row, and record it."""
    view, action, row = _named(call, lock=True)
    if action.is_dangerous:
        call.require_fresh()
    call.again = "act.html", _form(view, action, row)
    given = _given(call, action.fields)
    before, row_id = audit.state_of(row), row.id
    with explained():
        done = action.run(call.db, row, given)
        call.db.flush()
    said = done.said if isinstance(done, Done) else done
    now = find_row(call.db, view, row_id)
    changes = audit.changes(before, {} if now is None else audit.state_of(now))
    _record(call, (f"{view.key}.{action.key}", target_of(view, row_id)), said, changes)
    if isinstance(done, Done):
        back = address_of(view, row_id)
        return call.render("done.html", title=action.title, done=done, back=back)
    flash(call.request, said, "success")
    return redirect(address_of(view) if now is None else address_of(view, row_id))


def show_tool(call: Call) -> Response:
    tool = call.known.tool(call.path["key"])
    tables = tool.tables(call.db)
    return call.render("tool.html", **_tool_form(tool, call.query), tables=tables)


def use_tool(call: Call) -> Response:
    """Run a tool, and record it."""
    tool = call.known.tool(call.path["key"])
    call.require_fresh()
    call.again = "tool.html", _tool_form(tool, call.form)
    given = _given(call, tool.fields)
    with explained():
        said = tool.run(call.db, given)
    _record(call, (f"tools.{tool.key}", tool.target(given)[:80]), said, ({}, {}))
    flash(call.request, said, "success")
    return redirect(f"/admin/tool/{tool.key}")


def _record(
    call: Call, what: tuple[str, str], said: str, changes: tuple[audit.State, audit.State]
) -> None:
    reason = read_field(call, REASON)
    entry = audit.Entry(call.user.user_id, *what, said, reason, *changes)
    audit.record(call.db, entry)


def _named(call: Call, *, lock: bool = False) -> tuple[View, Action, Any]:
    view = call.known.view(call.path["key"])
    action = call.known.action(view, call.path["action"])
    row = find_row(call.db, view, id_of(call.path["row_id"]), lock=lock)
    if row is None:
        raise NoSuchPage
    if not action.when(row):
        raise ActionRefused
    return view, action, row


def _form(view: View, action: Action, row: Any) -> dict[str, Any]:
    return {
        "view": view,
        "action": action,
        "row": row,
        "reason": REASON,
        "title": f"{action.title}: {view.name(row)}",
        "values": {field.name: field.value(row) for field in action.fields},
    }


@contextmanager
def explained() -> Iterator[None]:
    """Turn the error of a schema into a sentence for staff. Raises `Unprocessable`."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"])
        raise Unprocessable(f"{where}: {first['msg']}") from None


def _tool_form(tool: Tool, values: Mapping[str, str]) -> dict[str, Any]:
    return {"tool": tool, "title": tool.title, "reason": REASON, "values": values}


def _given(call: Call, fields: tuple[Field, ...]) -> Given:
    read_field(call, REASON)
    values = {field.name: read_field(call, field) for field in fields}
    if call.again:
        call.again[1]["values"] = {**values, "reason": call.form["reason"]}
    visitor = call.visitor
    user = call.user
    return Given(user.user_id, user.session_id, visitor.ip_address, visitor.user_agent, values)


def read_field(call: Call, field: Field) -> str:
    """Return the text of a field. Raises `Unprocessable`."""
    text = call.form.get(field.name, "").replace("\r\n", "\n").strip()
    if "\x00" in text or (not text.isprintable() and field.kind != "textarea"):
        raise Unprocessable(f"“{field.title}” must be one line of text.")
    if not text and not field.optional and field.kind != "checkbox":
        raise Unprocessable(f"“{field.title}” is missing.")
    if len(text) > field.longest:
        raise Unprocessable(f"“{field.title}” takes at most {field.longest} characters.")
    return text
