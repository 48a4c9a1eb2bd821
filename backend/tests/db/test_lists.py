"""The common parts of features' lists: filters, sorts, slugs and references."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import select

from app.core.errors import Conflict, Unprocessable
from app.core.pagination import PageQuery
from app.core.schemas import Output
from app.db.lists import at_least, at_most, contains, equals, matching, never_null, ordering
from app.db.pagination import paginate
from app.db.references import require_references
from app.db.slugs import insert_with_slug
from tests.support.widgets import Gadget

SORTS = {
    "price": Gadget.price,
    "bought_on": Gadget.bought_on,
    "slug": Gadget.slug,
    "owner_id": Gadget.owner_id,
    "shiny": Gadget.shiny,
    "serial": Gadget.serial,
}
# The multiples of this odd number differ in every part of a UUID.
SCATTER = 0x9E3779B97F4A7C15F39CC0605CEDC835


class GadgetRead(Output):
    id: int


class SlugTaken(Conflict):
    code = "slug_taken"


class GadgetUnknown(Unprocessable):
    code = "gadget_unknown"


CONSTRAINTS = {"uq_gadgets_owner_id_slug": SlugTaken}


@pytest.fixture
def gadgets(db):
    prices = ["9.5", None, "10.25", "9.5", None, "-1"]
    rows = [
        Gadget(
            slug=f"g-{number}",
            owner_id=number % 2 + 1,
            price=price and Decimal(price),
            bought_on=price and date(2030, 1, number + 1),
            shiny=price and number in (0, 5),
            serial=price and UUID(int=number * SCATTER % 2**128),
        )
        for number, price in enumerate(prices)
    ]
    db.add_all(rows)
    db.flush()
    db.expire_all()
    return [row.id for row in rows]


def pages(db, sort, limit):
    statement = select(Gadget).order_by(*ordering(sort, SORTS, Gadget.id))
    found: list[int] = []
    cursor = None
    while True:
        page = paginate(
            db, statement, PageQuery(lambda: ["/gadgets"], limit=limit, cursor=cursor), GadgetRead
        )
        found += [item.id for item in page.items]
        if (cursor := page.next_cursor) is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
@pytest.mark.parametrize(
    ("sort", "places"),
    [
        ("price", [5, 0, 3, 2, 1, 4]),
        ("-price", [2, 3, 0, 5, 4, 1]),
        ("bought_on", [0, 2, 3, 5, 1, 4]),
        ("-bought_on", [5, 3, 2, 0, 4, 1]),
        ("-slug", [5, 4, 3, 2, 1, 0]),
        ("owner_id", [0, 2, 4, 1, 3, 5]),
        ("-owner_id", [5, 3, 1, 4, 2, 0]),
        ("shiny", [2, 3, 0, 5, 1, 4]),
        ("-shiny", [5, 0, 3, 2, 4, 1]),
    ],
)
def test_rows_without_a_value_stand_last_on_every_page(db, gadgets, sort, places, limit):
    assert pages(db, sort, limit) == [gadgets[place] for place in places]


def test_a_column_that_is_never_null_needs_no_key_for_its_nulls(db, gadgets):
    sorts = {"price": never_null(Gadget.price), "owner_id": Gadget.owner_id}
    assert [len(ordering(sort, sorts, Gadget.id)) for sort in ("price", "-owner_id")] == [2, 2]
    assert len(ordering("price", SORTS, Gadget.id)) == 3
    statement = select(Gadget.id).where(Gadget.price.is_not(None))
    found = db.scalars(statement.order_by(*ordering("-price", sorts, Gadget.id))).all()
    assert found == [gadgets[place] for place in (2, 3, 0, 5)]


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
def test_uuids_have_the_order_of_their_database_on_every_page(db, gadgets, limit):
    """MariaDB's UUID type compares the last part of a UUID first.

    The other databases compare from left to right.
    """
    up, down = (pages(db, sort, limit) for sort in ("serial", "-serial"))
    there = db.scalars(
        select(Gadget.id).where(Gadget.serial.is_not(None)).order_by(Gadget.serial)
    ).all()
    assert up == [*there, gadgets[1], gadgets[4]]
    assert down == [*reversed(there), gadgets[4], gadgets[1]]


def test_decimals_come_back_as_they_were_written(db, gadgets):
    prices = db.scalars(select(Gadget.price).order_by(Gadget.id)).all()
    assert [price and str(price) for price in prices] == [
        "9.500",
        None,
        "10.250",
        "9.500",
        None,
        "-1.000",
    ]
    assert db.scalar(select(Gadget.slug).where(Gadget.price == Decimal("10.25"))) == "g-2"


def test_a_filter_counts_only_where_it_was_given(db, gadgets):
    class Wanted(BaseModel):
        slug: str | None = None
        price_from: Decimal | None = None
        price_to: Decimal | None = None

    filters = {
        "slug": equals(Gadget.slug),
        "price_from": at_least(Gadget.price),
        "price_to": at_most(Gadget.price),
    }
    for wanted, count in (
        (Wanted(), 6),
        (Wanted(price_from=Decimal("9.5")), 3),
        (Wanted(price_to=Decimal("9.5")), 3),
        (Wanted(price_from=Decimal("9.5"), price_to=Decimal("9.5")), 2),
        (Wanted(slug="g-1"), 1),
    ):
        assert len(db.scalars(select(Gadget.id).where(*matching(wanted, filters))).all()) == count


@pytest.mark.parametrize(("text", "count"), [("G-", 6), ("g-3", 1), ("%", 0), ("_", 0)])
def test_a_search_takes_signs_of_like_for_what_they_are(db, gadgets, text, count):
    assert (
        len(db.scalars(select(Gadget.id).where(contains(Gadget.slug, Gadget.slug)(text))).all())
        == count
    )


def insert(db, slug=None, owner_id=1):
    gadget = Gadget(slug=slug, owner_id=owner_id)
    insert_with_slug(db, gadget, Gadget.slug, "light", CONSTRAINTS, Gadget.owner_id == owner_id)
    return gadget.slug


def insert_unseeing(db):
    gadget = Gadget(slug=None)
    insert_with_slug(db, gadget, Gadget.slug, "light", CONSTRAINTS, Gadget.owner_id == 2)
    return gadget.slug


def test_a_generated_slug_gives_way_but_a_requested_one_does_not(db):
    assert [insert(db) for _ in range(3)] == ["light", "light-2", "light-3"]
    assert insert(db, owner_id=2) == "light"
    assert insert(db, slug="other") == "other"
    with pytest.raises(SlugTaken):
        insert(db, slug="light")


def test_a_slug_beyond_the_first_block_is_found(db):
    db.add_all(
        Gadget(slug=slug) for slug in ["light", *(f"light-{number}" for number in range(2, 121))]
    )
    db.flush()
    assert insert(db) == "light-121"


def test_who_is_always_slower_is_told_so(db):
    """In this test, the query for taken slugs sees no rows, as if other requests
    inserted theirs right after the query.
    """
    insert(db)
    with pytest.raises(SlugTaken):
        insert_unseeing(db)


def test_a_reference_must_be_there_and_ones_own(db, gadgets):
    references = {"gadget_id": (Gadget, GadgetUnknown)}
    for values, owner in (({}, None), ({"gadget_id": None}, 1), ({"gadget_id": gadgets[0]}, 1)):
        require_references(db, references, values, owner)
    for values, owner in (({"gadget_id": 2**40}, None), ({"gadget_id": gadgets[0]}, 2)):
        with pytest.raises(GadgetUnknown):
            require_references(db, references, values, owner)
