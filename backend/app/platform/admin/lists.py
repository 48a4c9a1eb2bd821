"""Pages of lists that stay fast in tables of any size.

A page continues after the last id of the page before it, and nothing counts rows. A
search or a filter may match few rows of a large table. So each page looks at no more
than the next `WINDOW` rows, and says so if there are more. The next page continues
after the last row that was looked at, whether or not it matched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_, select
from sqlalchemy.orm import Session

from app.core.types import MAX_ID

from .views import View

PAGE = 50
WINDOW = 5_000
MAX_SEARCH = 200


@dataclass(frozen=True)
class Asked:
    """The request for a list: a search, the chosen filters, and where the page
    begins.
    """

    search: str = ""
    chosen: Mapping[str, str] | None = None
    before: int | None = None


@dataclass(frozen=True)
class Listing:
    """A page of rows. `older` is the id after which the next page continues."""

    rows: Sequence[Any]
    older: int | None
    # whether there are more rows beyond the window
    is_partial: bool = False


def read_list(db: Session, view: View, asked: Asked) -> Listing:
    """Return a page of a view, newest rows first."""
    search = asked.search.strip()[:MAX_SEARCH]
    chosen = _conditions(view, asked.chosen or {})
    if search and view.find and (found := view.find(search)) is not None:
        exact = select(view.model).options(*view.options).where(found, *chosen)
        rows = db.scalars(exact.order_by(view.model.id.desc()).limit(PAGE)).all()
        if rows or not view.search:
            return Listing(rows, None)
    if search:
        chosen.append(_contains(view, search))
    return _window(db, view, chosen, asked.before) if chosen else _page(db, view, asked.before)


def find_row(db: Session, view: View, row_id: int, *, lock: bool = False) -> Any | None:
    """Return a row with everything that its page shows, or `None`.

    With `lock`, nobody else can change the row until the transaction ends.
    """
    if not 0 < row_id <= MAX_ID:
        return None
    one = select(view.model).where(view.model.id == row_id)
    if lock:
        db.scalar(one.with_for_update(key_share=True, of=view.model))
    options = view.detail_options or view.options
    row = db.scalar(one.options(*options).execution_options(populate_existing=True))
    if row is not None:
        view.prepare(db, row)
    return row


def _page(db: Session, view: View, before: int | None) -> Listing:
    wanted = _ordered(view, select(view.model).options(*view.options), before)
    rows = db.scalars(wanted.limit(PAGE + 1)).all()
    return Listing(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None)


def _window(
    db: Session, view: View, conditions: list[ColumnElement[bool]], before: int | None
) -> Listing:
    """Return the matching rows of the next window.

    The id at the end of the window is read first. With a join to the ids of the window,
    PostgreSQL read all of a table of a million rows, which took 200 ms.
    """
    last = db.scalar(_ordered(view, select(view.model.id), before).offset(WINDOW - 1).limit(1))
    within = conditions if last is None else [*conditions, view.model.id >= last]
    matching = select(view.model).options(*view.options).where(*within)
    rows = db.scalars(_ordered(view, matching, before).limit(PAGE + 1)).all()
    if len(rows) > PAGE:
        return Listing(rows[:PAGE], rows[PAGE - 1].id)
    return Listing(rows, last, is_partial=last is not None)


def _ordered(view: View, statement: Select[Any], before: int | None) -> Select[Any]:
    if before is not None:
        statement = statement.where(view.model.id < before)
    return statement.order_by(view.model.id.desc())


def _conditions(view: View, chosen: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [
        one.choices[chosen[one.key]] for one in view.filters if chosen.get(one.key) in one.choices
    ]


def _contains(view: View, search: str) -> ColumnElement[bool]:
    lowered = search.lower()
    return or_(
        false(), *(func.lower(column).contains(lowered, autoescape=True) for column in view.search)
    )
