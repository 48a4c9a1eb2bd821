"""The total of a short list is exact. The total of a long list is cached for some
seconds.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import model_validator
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import joinedload

from app.core.pagination import PageQuery
from app.core.schemas import Output
from app.db import totals
from app.db.database import SessionLocal
from app.db.pagination import paginate
from app.db.projection import projection_of
from app.routers.blog.models import BlogCategory, BlogPost
from app.routers.blog.schemas import FullPostSummary, PostSummary
from tests.support.widgets import Widget, WidgetRead, by_weight


def add(db, count, first=0):
    rows = [{"name": f"widget {first + number}", "weight": 1} for number in range(count)]
    db.execute(insert(Widget), rows)
    db.commit()


def page(db, statement=None, **query):
    listed = by_weight() if statement is None else statement
    return paginate(db, listed, PageQuery(lambda: ["/widgets"], **query), WidgetRead)


@pytest.fixture
def long_list(db, monkeypatch):
    """A list of 30 rows. The limit is lowered, so that a list of more than 10 rows
    counts as long.
    """
    monkeypatch.setattr(totals, "EXACT", 10)
    add(db, 30)
    return db


def test_a_short_list_is_exact_after_each_change(db):
    add(db, 30)
    assert page(db, limit=10).total == 30
    add(db, 5, first=100)
    assert page(db, limit=10).total == 35
    db.execute(delete(Widget).where(Widget.name == "widget 100"))
    assert page(db, limit=10).total == 34


def test_a_list_on_one_page_is_not_counted(db, statements):
    add(db, 3)
    statements.clear()
    assert page(db, limit=10).total == 3
    assert page(db, limit=2, offset=2).total == 3
    assert page(db, limit=10, offset=3).total == 3
    assert len(statements) == 1 + 1 + 2  # a page without rows does not show the total


def test_a_long_list_is_counted_once_a_moment(long_list, statements):
    statements.clear()
    assert [page(long_list, limit=10).total for _ in range(5)] == [30] * 5
    assert len(statements) == 2 + 5  # two counts (up to ten rows, then all rows) and five pages
    add(long_list, 5, first=100)
    assert page(long_list, limit=10).total == 30
    assert page(long_list, limit=10, offset=30).total == 35, "the last page shows it"


def test_a_long_list_is_counted_again_when_the_moment_is_over(long_list, monkeypatch):
    monkeypatch.setattr(totals, "LEAST", 0.0)
    monkeypatch.setattr(totals, "SHARE", 0.0)
    assert page(long_list, limit=10).total == 30
    add(long_list, 5, first=100)
    assert page(long_list, limit=10).total == 35


def test_a_total_is_never_less_than_what_was_seen(long_list):
    assert page(long_list, limit=10).total == 30
    add(long_list, 30, first=100)
    assert page(long_list, limit=10, offset=40).total == 51  # more than 50 rows were seen


def test_lists_that_differ_in_a_value_have_their_own_totals(long_list):
    long_list.execute(insert(Widget), [{"name": f"heavy {n}", "weight": 7} for n in range(20)])
    lists = [by_weight().where(Widget.weight == weight) for weight in (1, 7)]
    assert [page(long_list, one, limit=5).total for one in lists * 2] == [30, 20, 30, 20]


def test_a_short_list_again_is_exact_again(long_list, monkeypatch):
    assert page(long_list, limit=5).total == 30
    monkeypatch.setattr(totals, "EXACT", 100)
    totals.forget()
    add(long_list, 1, first=100)
    assert page(long_list, limit=5).total == 31


def test_while_one_request_counts_the_others_use_the_last_total(long_list, monkeypatch):
    monkeypatch.setattr(totals, "LEAST", 0.0)
    monkeypatch.setattr(totals, "SHARE", 0.0)
    assert page(long_list, limit=10).total == 30
    add(long_list, 5, first=100)
    count_up_to, seen = totals.count_up_to, []

    def count_meanwhile(db, statement, most):
        seen.append(totals.total_of(db, by_weight()))
        return count_up_to(db, statement, most)

    monkeypatch.setattr(totals, "count_up_to", count_meanwhile)
    assert totals.total_of(long_list, by_weight()) == 35
    assert seen == [30]


def test_totals_under_writers_are_right_when_they_have_ended(committed, monkeypatch):
    monkeypatch.setattr(totals, "EXACT", 10)
    monkeypatch.setattr(totals, "LEAST", 0.0)

    def write_and_read(number):
        with SessionLocal() as db:
            add(db, 5, first=100 * number)
            return page(db, limit=3).total

    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(write_and_read, range(12)))
    assert all(0 < total <= 60 for total in seen)
    totals.forget()
    with SessionLocal() as db:
        assert page(db, limit=3).total == 60


@pytest.mark.only("postgresql")
def test_a_list_that_takes_too_long_to_count_has_no_total(long_list, monkeypatch, statements):
    endless = select(func.count()).select_from(select(func.pg_sleep(60)).subquery())
    monkeypatch.setattr(totals, "count_up_to", lambda _db, _statement, most: most)
    monkeypatch.setattr(totals, "count", lambda _statement: endless)
    long_list.execute(text("SET LOCAL statement_timeout = 100"))
    statements.clear()
    for _ in range(3):
        assert page(long_list, limit=10).total is None
    assert len(statements) == 1 + 3, "it is not tried again at once"


def test_no_more_lists_are_remembered_than_a_bound(long_list, monkeypatch, statements):
    monkeypatch.setattr(totals, "MOST", 2)
    monkeypatch.setattr(totals, "LEAST", totals.LONGEST)
    lists = [by_weight().where(Widget.weight > weight) for weight in range(-1, -6, -1)]
    for one in lists:
        page(long_list, one, limit=5)
    sent = []
    for one in reversed(lists):
        statements.clear()
        page(long_list, one, limit=5)
        sent.append(len(statements))
    assert sent == [1, 1, 3, 3, 3], "each page, and two counts of a list that was forgotten"


def test_columns_and_relations_are_read_without_entities():
    assert projection_of(select(BlogPost), PostSummary)
    assert projection_of(select(BlogPost), FullPostSummary)


class WithProperty(Output):
    id: int
    post_count: int


class WithValidator(Output):
    id: int

    @model_validator(mode="before")
    @classmethod
    def look(cls, value: object) -> object:
        return value


@pytest.mark.parametrize(
    ("statement", "shape"),
    [
        (select(BlogCategory), WithProperty),  # a column that the statement must fill
        (select(BlogPost), WithValidator),  # the validator may expect an entity
        (select(BlogPost).options(joinedload(BlogPost.author)), PostSummary),
        (select(BlogPost).distinct(), PostSummary),
        (select(BlogPost, BlogCategory), PostSummary),
        (select(BlogPost.id), PostSummary),
    ],
)
def test_other_shapes_and_statements_are_read_from_entities(statement, shape):
    assert projection_of(statement, shape) is None
