"""The pages that show lists and rows."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from app.core.types import MAX_ID
from app.platform.models import AuditEntry

from .calls import BASE, Call
from .lists import Asked, find_row, read_list
from .own_views import entries_about
from .registry import NoSuchPage
from .views import Link, Person, View

USERS = "users"  # the key of the view of accounts; a `Person` links to it


def show_list(call: Call) -> Response:
    view = call.known.view(call.path["key"])
    chosen = {one.key: call.query[one.key] for one in view.filters if call.query.get(one.key)}
    before, search = call.query.get("before", ""), call.query.get("q", "")
    asked = Asked(search, chosen, id_of(before) if before else None)
    listing = read_list(call.db, view, asked)
    rows = [(row.id, [column.value(row) for column in view.columns]) for row in listing.rows]
    kept = {name: value for name, value in {"q": search, **chosen}.items() if value}
    return call.render(
        "list.html",
        view=view,
        title=view.title,
        listing=listing,
        asked=asked,
        rows=rows,
        names=names_of(call, [cells for _, cells in rows]),
        older=urlencode({**kept, "before": listing.older}) if listing.older else "",
    )


def show_row(call: Call) -> Response:
    view = call.known.view(call.path["key"])
    row = find_row(call.db, view, id_of(call.path["row_id"]))
    if row is None:
        raise NoSuchPage
    details = [(column.title, column.value(row)) for column in view.details or view.columns]
    tables = list(view.tables(call.db, row)) if view.tables else []
    if view.model is not AuditEntry:
        tables.append(entries_about(call.db, target_of(view, row.id)))
    cells = [cells for table in tables for cells in table.rows]
    return call.render(
        "row.html",
        view=view,
        row=row,
        title=view.name(row),
        details=details,
        tables=[table for table in tables if table.rows],
        actions=[action for action in view.actions if action.when(row)],
        related=_related(call, view, row.id),
        names=names_of(call, [*cells, [value for _, value in details]]),
    )


def _related(call: Call, view: View, row_id: int) -> list[Link]:
    """Return links to the rows that belong to an account, for its page."""
    if view.key != USERS:
        return []
    searched = [one for one in call.known.views.values() if one.of_user]
    return [Link(one.title, one.key, search=one.of_user.format(row_id)) for one in searched]


def names_of(call: Call, rows: Iterable[Iterable[Any]]) -> Mapping[int, str]:
    """Return the names of the accounts in these rows, read in one statement."""
    people = {value.user_id for cells in rows for value in cells if isinstance(value, Person)}
    return call.known.gate.names(call.db, people) if people else {}


def target_of(view: View, row_id: int) -> str:
    """Return the name of a row in the audit log."""
    return f"{view.key}:{row_id}"


def address_of(view: View, row_id: int | None = None) -> str:
    """Return the path of a list or of a row."""
    return f"{BASE}/list/{view.key}" if row_id is None else f"{BASE}/row/{view.key}/{row_id}"


def id_of(text: str) -> int:
    """Return the id in a path. Raises `NoSuchPage`."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))):
        raise NoSuchPage
    return int(text)
