"""The declarations of a feature's `admin.py`.

    VIEWS = (
        View(
            key="reminders",
            title="Reminders",
            group="Content",
            model=Reminder,
            columns=(Column("Text", lambda row: row.text),),
            actions=(Action("send", "Send now", send_now),),
        ),
    )

`TOOLS` are forms about something that has no row, and `CHARTS` are plots on the
dashboard. Actions and tools call the service functions of the feature, in a transaction
that also gets the entry of the audit log.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from app.core.errors import Conflict


class ActionRefused(Conflict):
    """The action does not fit the state of the row, or is not allowed for it."""

    code = "action_refused"
    detail = "This action does not fit the current state. Look at the page again."


@dataclass(frozen=True)
class Link:
    """A value that links to the page of a row, or to a list with a search."""

    text: str
    view: str
    row_id: int | None = None
    search: str = ""


@dataclass(frozen=True)
class Person:
    """An account, for which the page shows its current name."""

    user_id: int


@dataclass(frozen=True)
class Badge:
    """A short state. The tone is `good`, `bad`, `warning` or `plain`."""

    text: str
    tone: str = "plain"


@dataclass(frozen=True)
class Block:
    """Text that keeps its line breaks, such as JSON or Markdown."""

    text: str


Value = str | int | datetime | date | Link | Person | Badge | Block | None


@dataclass(frozen=True)
class Column:
    """A column of a list, or a line of a row's page."""

    title: str
    value: Callable[[Any], Value]


@dataclass(frozen=True)
class Filter:
    """A choice above a list. It maps the title of each value to a condition."""

    key: str
    title: str
    choices: Mapping[str, ColumnElement[bool]]


@dataclass(frozen=True)
class Table:
    """A table on the page of a row, with other rows that belong to it."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Value]]


@dataclass(frozen=True)
class Field:
    """An input of an action or a tool.

    `kind` is the type of an HTML input, `textarea`, or `checkbox`. Fields other than
    checkboxes are required unless `optional` is set.
    """

    name: str
    title: str
    kind: str = "text"
    optional: bool = False
    longest: int = 200
    about: str = ""
    value: Callable[[Any], str] = field(default=lambda _row: "")


@dataclass(frozen=True)
class Given:
    """The member of staff who acts, their session and address, and the values of the
    fields.
    """

    staff_id: int
    session_id: int
    ip_address: str
    user_agent: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Done:
    """The result of an action, and a link that leads out of the admin.

    The page that shows the link is shown once, because the link may contain a secret.
    """

    said: str
    link: str
    url: str


Run = Callable[[Session, Any, Given], str | Done]


@dataclass(frozen=True)
class Action:
    """An action that staff can take on a row.

    `run` returns a sentence about what it did, or `Done`. It raises an `AppError` if it
    cannot do this. A dangerous action needs a sign-in within the last minutes.
    """

    key: str
    title: str
    run: Run
    about: str = ""
    when: Callable[[Any], bool] = lambda _row: True
    is_dangerous: bool = True
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class View:
    """A list of the rows of one table, a page for each row, and its actions.

    A list is ordered by id, newest first. `find` returns a condition that an index can
    answer. If `find` is missing or finds nothing, the text is searched for in the
    columns that `search` names. This search and the filters look at a bounded number of
    rows at a time (`lists`). `prepare` loads facts from other tables for the page of a
    row. `of_user` is the search that finds the rows of an account, such as `user:{}`.
    The page of the account links to that search.
    """

    key: str
    title: str
    group: str
    model: Any
    columns: tuple[Column, ...]
    details: tuple[Column, ...] = ()
    name: Callable[[Any], str] = lambda row: f"#{row.id}"
    about: str = ""
    find: Callable[[str], ColumnElement[bool] | None] | None = None
    search: tuple[Any, ...] = ()
    filters: tuple[Filter, ...] = ()
    options: tuple[ExecutableOption, ...] = ()
    detail_options: tuple[ExecutableOption, ...] = ()
    prepare: Callable[[Session, Any], None] = lambda _db, _row: None
    tables: Callable[[Session, Any], Sequence[Table]] | None = None
    of_user: str = ""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class Tool:
    """A form for a task that concerns no row, such as unblocking an address.

    `target` tells the audit log what the tool was used on. `tables` are shown below the
    form.
    """

    key: str
    title: str
    group: str
    about: str
    button: str
    fields: tuple[Field, ...]
    run: Callable[[Session, Given], str]
    target: Callable[[Given], str]
    tables: Callable[[Session], Sequence[Table]] = lambda _db: ()


@dataclass(frozen=True)
class Series:
    """The points of a line or of bars, oldest first. Each point is a label and a
    value.
    """

    title: str
    points: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Figure:
    """The data of a plot: its series, and the number that is shown above it."""

    number: str
    series: Sequence[Series]
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A plot on the dashboard. `read` reads a bounded number of rows.

    `kind` is `line`, `bars`, or `ranks`, which is a table with bars for long labels.
    """

    key: str
    title: str
    read: Callable[[Session], Figure]
    kind: str = "line"
