"""A former slug still leads to its row, until another row gets the slug."""

import pytest
from sqlalchemy import select

from app.db.slug_history import MOST, had_slug, remembering_slug
from tests.support.widgets import FormerGadgetSlug, Gadget


@pytest.fixture
def gadget(db):
    """`gadget("a")` stores a gadget with this slug."""

    def make(slug):
        made = Gadget(slug=slug)
        db.add(made)
        db.flush()
        return made

    return make


@pytest.fixture
def move(db):
    def to(row, slug):
        with remembering_slug(db, FormerGadgetSlug, row, Gadget.slug):
            row.slug = slug
            db.flush()

    return to


@pytest.fixture
def found(db):
    """`found("a")` returns the current slug of the row that had this slug."""
    return lambda slug: db.scalar(
        select(Gadget.slug).where(had_slug(FormerGadgetSlug, Gadget.id, slug))
    )


def test_every_former_slug_leads_to_the_current_one(gadget, move, found):
    row = gadget("a")
    move(row, "b")
    move(row, "c")
    assert [found(slug) for slug in "abcd"] == ["c", "c", None, None]


def test_an_unchanged_slug_is_not_remembered(gadget, move, found, db):
    row = gadget("a")
    move(row, "a")
    assert db.scalars(select(FormerGadgetSlug)).all() == []


def test_a_row_that_gets_its_former_slug_back_makes_no_circle(gadget, move, found, db):
    row = gadget("a")
    for slug in ("b", "a", "b", "a"):
        move(row, slug)
    assert [found(slug) for slug in "ab"] == [None, "a"]
    assert db.scalars(select(FormerGadgetSlug.slug)).all() == ["b"]


def test_a_former_slug_belongs_to_the_row_that_had_it_last(gadget, move, found):
    first = gadget("a")
    move(first, "b")
    second = gadget("a")
    move(second, "c")
    assert found("a") == "c"
    move(second, "b2")
    move(gadget("x"), "c")
    assert found("c") is None


def test_a_slug_that_changes_twice_in_a_block_is_remembered_once(gadget, db, found):
    row = gadget("a")
    with remembering_slug(db, FormerGadgetSlug, row, Gadget.slug):
        for slug in ("b", "c"):
            row.slug = slug
            db.flush()
    assert [found(slug) for slug in "abc"] == ["c", None, None]


def test_a_failed_change_is_not_remembered(gadget, db, found):
    row = gadget("a")
    with pytest.raises(ZeroDivisionError), remembering_slug(db, FormerGadgetSlug, row, Gadget.slug):
        raise ZeroDivisionError
    assert found("a") is None


def test_a_row_keeps_its_newest_former_slugs(gadget, move, found, db):
    other = gadget("other")
    move(other, "another")
    row = gadget("0")
    for number in range(1, MOST + 6):
        move(row, str(number))
    kept = db.scalars(
        select(FormerGadgetSlug.slug)
        .where(FormerGadgetSlug.row_id == row.id)
        .order_by(FormerGadgetSlug.id)
    ).all()
    assert kept == [str(number) for number in range(5, MOST + 5)]
    assert found("other") == "another"


def test_the_former_slugs_go_with_their_row(gadget, move, db):
    row = gadget("a")
    move(row, "b")
    db.delete(row)
    db.flush()
    assert db.scalars(select(FormerGadgetSlug)).all() == []
