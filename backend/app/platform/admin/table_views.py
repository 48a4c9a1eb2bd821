"""The view of an ordinary table, made from the table's columns.

    VIEWS = (table_view(Note, delete=service.delete_note),)

The list shows the first short columns, and the page of a row shows all columns. So a
new column appears in both without a change here. Columns with the name of a secret are
left out. `dataclasses.replace` changes any part of such a view, and an author who wants
another page writes a `View`.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, LargeBinary, String, Text, inspect
from sqlalchemy.orm import ColumnProperty, Session

from app.core.logging import SECRET_NAME
from app.core.types import MAX_ID

from .own_views import as_json
from .views import Action, Block, Column, Given, Person, Value, View

SHORT = 4  # columns of a list, apart from the id and the time of creation
OWNER = "owner_id"
CREATED, CHANGED = "created_at", "updated_at"
Delete = Callable[[Session, Any], None]


def table_view(
    model: Any, *, delete: Delete, group: str = "Features", actions: tuple[Action, ...] = ()
) -> View:
    """Return a view of all rows of a table, in which staff can delete a row.

    `delete` is the function of the feature's service. A list is searched by the id of a
    row, by `user:` and the id of its owner, or by a part of a short text.
    """
    mapper = inspect(model)
    shown = [one for one in mapper.column_attrs if _is_shown(one)]
    short = [one for one in shown if not isinstance(_kind(one), Text | JSON)]
    first = [one for one in short if one.key not in {CREATED, CHANGED}][:SHORT]
    texts = [one.key for one in short if isinstance(_kind(one), String)]
    is_owned = OWNER in mapper.column_attrs
    words = mapper.local_table.name.replace("_", " ")
    return View(
        key=words.replace(" ", "-"),
        title=words.capitalize(),
        group=group,
        model=model,
        columns=tuple(_column(one.key) for one in short if one in first or one.key == CREATED),
        details=tuple(_column(one.key) for one in shown),
        name=lambda row: str((texts and getattr(row, texts[0])) or f"Row {row.id}"),
        find=_finding(model, is_owned=is_owned),
        search=tuple(getattr(model, name) for name in texts),
        of_user="user:{}" if is_owned else "",
        actions=(*actions, _deleting(delete)),
    )


def _kind(shown: ColumnProperty[Any]) -> Any:
    kind = shown.columns[0].type
    return getattr(kind, "impl", kind)  # a type of ours stands for one of the database


def _is_shown(one: ColumnProperty[Any]) -> bool:
    is_secret = SECRET_NAME.search(one.key) is not None
    return not (one.key == "id" or one.deferred or is_secret or isinstance(_kind(one), LargeBinary))


def _column(name: str) -> Column:
    title = "Owner" if name == OWNER else name.replace("_", " ").capitalize()
    return Column(title, lambda row: _shown(name, getattr(row, name)))


def _shown(name: str, value: Any) -> Value:
    if value is not None and name == OWNER:
        return Person(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, int | datetime | date):
        return value
    if isinstance(value, dict | list):
        return as_json(value)
    text = str(value)
    return Block(text) if "\n" in text else text


def _finding(model: Any, *, is_owned: bool) -> Callable[[str], ColumnElement[bool] | None]:
    def find(text: str) -> ColumnElement[bool] | None:
        of_user = is_owned and text.startswith("user:")
        number = text.removeprefix("user:") if of_user else text
        if not (number.isascii() and number.isdigit() and int(number[:20]) <= MAX_ID):
            return None
        found: ColumnElement[bool] = (model.owner_id if of_user else model.id) == int(number)
        return found

    return find


def _deleting(delete: Delete) -> Action:
    def run(db: Session, row: Any, _given: Given) -> str:
        delete(db, row)
        return "The row is deleted."

    return Action("delete", "Delete", run)
