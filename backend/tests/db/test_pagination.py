"""Pages repeat no row and skip no row, whatever is written between two requests."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi import Depends
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select
from starlette.requests import Request

from app.core.pagination import InvalidCursor, Page, PageQuery
from app.core.types import utc_now
from app.db.database import db_dependency
from app.db.pagination import paginate
from app.platform.pagination import PageParams
from app.platform.principal import publish_principal
from app.platform.routing import Router
from tests.support.widgets import Widget, WidgetRead, widget_app

ORDERS: dict[str, list[Any]] = {
    "ascending": [Widget.weight.asc(), Widget.id.asc()],
    "descending": [Widget.weight.desc(), Widget.id.desc()],
    "mixed": [Widget.weight.desc(), Widget.name.asc(), Widget.id.asc()],
    "bare": [Widget.name, Widget.id],
    "by time": [Widget.created_at.desc(), Widget.id],
    "by id": [Widget.id],
}
weights = st.lists(st.integers(0, 3), max_size=12)  # only a few values, so that ties are common
quick = hypothesis_settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def clean(db):
    """Empty the table before each example, because one transaction spans all
    examples.
    """

    def fill(values: list[int], start: int = 0) -> None:
        if not start:
            db.execute(delete(Widget))
        at = utc_now()
        rows = [
            {
                "name": f"{index % 3} {start + index}",
                "weight": w,
                "created_at": at,
                "updated_at": at,
            }
            for index, w in enumerate(values)
        ]
        if rows:
            db.execute(insert(Widget), rows)

    return fill


def ask(limit: int, *, offset: int = 0, cursor: str | None = None) -> PageQuery:
    return PageQuery(lambda: ["/widgets"], offset=offset, limit=limit, cursor=cursor)


@pytest.mark.parametrize("order", ORDERS)
@given(values=weights, limit=st.integers(1, 5))
@quick
def test_pages_by_cursor_are_the_whole_list_in_order(db, clean, order, values, limit):
    clean(values)
    statement = select(Widget).order_by(*ORDERS[order])
    seen: list[int] = []
    page = paginate(db, statement, ask(limit=limit), WidgetRead)
    seen += [item.id for item in page.items]
    while page.next_cursor is not None and len(seen) <= len(values):
        assert (len(page.items), page.has_more) == (limit, True)
        page = paginate(db, statement, ask(limit=limit, cursor=page.next_cursor), WidgetRead)
        assert (page.total, page.offset) == (None, None)
        seen += [item.id for item in page.items]
    assert not page.has_more
    assert seen == [widget.id for widget in db.scalars(statement)]


@pytest.mark.parametrize("order", ["descending", "mixed", "by id"])
@given(data=st.data())
@quick
def test_rows_changing_between_pages_hide_and_repeat_no_other(db, clean, order, data):
    values, limit = data.draw(weights), data.draw(st.integers(1, 4))
    clean(values)
    statement = select(Widget).order_by(*ORDERS[order])
    stayed = [widget.id for widget in db.scalars(statement)]
    seen: list[int] = []
    cursor = None
    for turn in range(1, 30):
        page = paginate(db, statement, ask(limit=limit, cursor=cursor), WidgetRead)
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        clean(data.draw(st.lists(st.integers(0, 3), max_size=2)), start=100 * turn)
        if (gone := data.draw(st.sampled_from([None, *stayed]))) is not None:
            db.execute(delete(Widget).where(Widget.id == gone))
            stayed.remove(gone)
    assert cursor is None or len(seen) > len(values)
    assert len(seen) == len(set(seen))
    assert [number for number in seen if number in stayed] == [
        number for number in stayed if number in seen
    ]
    assert cursor is not None or set(stayed) <= set(seen)


@given(values=weights, limit=st.integers(1, 5), offset=st.integers(0, 14))
@quick
def test_a_page_by_offset_is_a_slice_and_goes_on_by_cursor(db, clean, values, limit, offset):
    clean(values)
    statement = select(Widget).order_by(*ORDERS["descending"])
    whole = [widget.id for widget in db.scalars(statement)]
    page = paginate(db, statement, ask(limit=limit, offset=offset), WidgetRead)
    assert [item.id for item in page.items] == whole[offset : offset + limit]
    assert (page.total, page.offset, page.limit) == (len(whole), offset, limit)
    assert page.has_more == (offset + limit < len(whole))
    if page.next_cursor:
        onward = paginate(db, statement, ask(limit=100, cursor=page.next_cursor), WidgetRead)
        assert [item.id for item in onward.items] == whole[offset + limit :]


def test_a_page_costs_one_statement_by_cursor_and_two_by_offset(widgets, db, clean, statements):
    clean([1] * 5)
    widgets.get(
        "/nowhere"
    )  # the first request of a process also queries the revision of the schema
    statements.clear()
    first = widgets.get("/widgets?limit=2").json()
    assert len(statements) == 2
    statements.clear()
    widgets.get(f"/widgets?limit=2&cursor={first['next_cursor']}")
    assert len(statements) == 1


@pytest.fixture
def listing(db, clean):
    """Yield a client for a list at two paths, and a cursor for the list at the first
    path. The cursor was made for one user and one filter.
    """
    clean([3, 2, 1])
    router = Router(prefix="/lists", tags=["lists"])

    def items(db: db_dependency, page: PageParams, light: bool = False) -> Page[WidgetRead]:  # noqa: FBT001, FBT002
        del light
        return paginate(db, select(Widget).order_by(*ORDERS["descending"]), page, WidgetRead)

    def seen_by(request: Request, viewer: str = "") -> None:
        if name := request.headers.get("x-viewer", viewer):
            publish_principal(request, name)

    for path in ("/a", "/b"):
        router.add_api_route(
            path, items, methods=["GET"], dependencies=[Depends(seen_by)], name=path
        )
    app = widget_app()
    app.include_router(router)
    with TestClient(app, headers={"X-Viewer": "user:1"}) as client:
        yield client, client.get("/lists/a?limit=1&light=true").json()["next_cursor"]


def test_a_cursor_works_where_it_was_made_and_with_another_limit(listing):
    client, cursor = listing
    for limit in (1, 2, 100):
        assert client.get(f"/lists/a?light=true&limit={limit}&cursor={cursor}").status_code == 200


@pytest.mark.parametrize(
    ("path", "viewer"),
    [
        ("/lists/b?light=true", "user:1"),
        ("/lists/a?light=false", "user:1"),
        ("/lists/a", "user:1"),
        ("/lists/a?light=true&light=true", "user:1"),
        ("/lists/a?light=true", "user:2"),
        ("/lists/a?light=true", ""),
    ],
)
def test_a_cursor_of_another_list_filter_or_viewer_is_refused(listing, path, viewer):
    client, cursor = listing
    joint = "&" if "?" in path else "?"
    answer = client.get(f"{path}{joint}cursor={cursor}", headers={"X-Viewer": viewer})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


def test_a_cursor_with_any_one_character_changed_is_refused(listing):
    client, cursor = listing
    altered = [
        f"{cursor[:i]}{'B' if letter == 'A' else 'A'}{cursor[i + 1 :]}"
        for i, letter in enumerate(cursor)
    ]
    for wrong in (*altered, cursor[:-1], cursor + "A", cursor + "=", "é", "%00", " " + cursor):
        answer = client.get("/lists/a", params={"light": "true", "cursor": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor"), wrong


def plain(name):
    return {
        "name": Widget.name,
        "weight": Widget.weight,
        "created": Widget.created_at,
        "id": Widget.id,
    }[name]


OTHER_ORDERS = [
    ["name", "id"],
    ["created", "id"],
    ["id"],
    ["weight", "name", "id"],
    ["-weight", "id"],
]
OTHER_ORDERS += [["id", "weight"]]


@pytest.mark.parametrize("names", OTHER_ORDERS, ids=[" ".join(names) for names in OTHER_ORDERS])
def test_a_cursor_is_refused_after_its_sort_keys_have_changed(db, clean, names):
    clean([3, 2, 1])
    before = select(Widget).order_by(Widget.weight, Widget.id)
    after = select(Widget).order_by(
        *(plain(n[1:]).desc() if n[0] == "-" else plain(n) for n in names)
    )
    for old, new in ((before, after), (after, before)):
        cursor = paginate(db, old, ask(limit=1), WidgetRead).next_cursor
        assert cursor
        paginate(db, old, ask(limit=1, cursor=cursor), WidgetRead)
        with pytest.raises(InvalidCursor):
            paginate(db, new, ask(limit=1, cursor=cursor), WidgetRead)


MOMENT = datetime(2026, 11, 28, tzinfo=UTC)
KEYS = [1, "a", 1.5, True, MOMENT, MOMENT.date(), Decimal("1.50"), UUID(int=7)]


@pytest.mark.parametrize("made", KEYS, ids=lambda key: type(key).__name__)
def test_a_key_comes_back_as_the_type_it_had_or_not_at_all(made):
    """If the type of a sort column changes, old cursors still name the same column.

    So only the types of the keys show that a cursor is too old.
    """
    cursor = ask(limit=1).encode([made, 1])
    for kind in map(type, KEYS):
        page = ask(limit=1, cursor=cursor)
        if kind is type(made):
            assert page.decode([kind, int]) == [made, 1]
        elif (type(made), kind) not in READ_ALIKE:
            with pytest.raises(InvalidCursor):
                page.decode([kind, int])


# In each pair, the text of a value of the first type is also valid for the second type.
READ_ALIKE = {(kind, str) for kind in (datetime, date, Decimal, UUID)} | {
    (kind, Decimal) for kind in (int, bool, float)
}


@pytest.mark.parametrize("keys", [[1, None], [None]])
def test_the_last_key_is_never_null(keys):
    page = ask(limit=1, cursor=ask(limit=1).encode(keys))
    with pytest.raises(InvalidCursor):
        page.decode([int] * len(keys))
