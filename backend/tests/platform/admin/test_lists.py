"""Lists read a bounded number of rows, however large their table is."""

import json

import pytest
from sqlalchemy import event, insert, text

from app.db.database import SessionLocal, engine
from app.platform.admin import lists
from app.platform.admin.lists import Asked, read_list
from app.platform.admin.registry import registry
from app.routers.auth.models import User
from tests.auth.factories import make_user

MANY = 130


@pytest.fixture
def many(db, monkeypatch):
    """Store 130 accounts, and limit the window of a list to 60 rows. Every tenth
    account is disabled.
    """
    monkeypatch.setattr(lists, "WINDOW", 60)
    rows = [
        {
            "username": f"member{number:03}",
            "email": f"member{number:03}@example.com",
            "is_verified": True,
            "is_active": number % 10 != 0,
        }
        for number in range(MANY)
    ]
    db.execute(insert(User), rows)
    return registry().view("users")


def pages(view, asked):
    """Return the names on each page of a list, until the list ends."""
    found, before = [], None
    while True:
        with SessionLocal() as db:
            listing = read_list(db, view, Asked(asked.search, asked.chosen, before))
        found.append([user.username for user in listing.rows])
        if listing.older is None:
            return found
        before = listing.older


def whole(found):
    return [name for page in found for name in page]


def test_pages_show_each_row_once_and_newest_first(many):
    found = pages(many, Asked())
    assert [len(page) for page in found] == [50, 50, 30]
    assert whole(found) == [f"member{number:03}" for number in reversed(range(MANY))]


def test_a_filter_looks_at_one_window_a_page(many):
    found = pages(many, Asked(chosen={"state": "disabled"}))
    assert [len(page) for page in found] == [6, 6, 1]
    assert whole(found) == [f"member{number:03}" for number in range(120, -1, -10)]


def test_a_search_goes_on_past_a_window_without_hits(many):
    assert pages(many, Asked("ember003")) == [[], [], ["member003"]]


def test_signs_of_patterns_are_searched_for_as_they_are(many):
    assert whole(pages(many, Asked("member%"))) == []
    assert whole(pages(many, Asked("m_mber"))) == []


def test_a_hostile_place_is_no_page(desk):
    for before in ("-1", "x", "9" * 30, "1e3"):
        assert desk.get(f"/list/users?before={before}").status_code == 404
    assert desk.get("/list/nothing").status_code == desk.get("/row/users/0").status_code == 404
    assert desk.get("/list/users?state=nonsense").status_code == 200


@pytest.mark.only("postgresql")
def test_no_list_scans_its_table(desk, db):
    """Each statement of each list, with a filter or a search, ends at a limit.

    In tables as small as these, PostgreSQL would choose to scan and sort. So the test
    turns scans and sorts off: a list must have a plan without them.
    """
    sent = {}

    def note(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            sent[statement] = parameters

    event.listen(engine, "before_cursor_execute", note)
    try:
        for view in registry().views.values():
            for asked in [Asked(), Asked(before=100), Asked("needle"), *choices(view)]:
                with SessionLocal() as session:
                    read_list(session, view, asked)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(sent) > 10
    for statement, parameters in sent.items():
        plan = plan_of(db, statement, parameters)
        assert "Seq Scan" not in plan, statement
        assert '"Sort"' not in plan or "Limit" in plan, statement


def choices(view):
    return [Asked(chosen={one.key: choice}) for one in view.filters for choice in one.choices]


def plan_of(db, statement, parameters):
    connection = db.connection()
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    cursor = connection.connection.cursor()
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    return json.dumps(cursor.fetchone()[0])


def test_a_list_of_accounts_takes_three_statements(desk, statements):
    make_user()
    with statements(3):  # the session of the staff, its second factor, and the list
        desk.get("/list/users")
