"""The fixtures do what the handbook says about them."""

import pytest
from sqlalchemy import func, select

from app.db.database import SessionLocal, engine
from tests.support.widgets import Gadget, Widget


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_starts_without_the_rows_of_others(db, turn):
    """The second turn could not add this name if the row of the first turn still
    existed.
    """
    assert "test" in str(engine.url.database)
    with SessionLocal() as other, other.begin():
        other.add(Widget(name="mine"))
    assert db.scalar(select(func.count(Widget.id))) == 1


def test_a_block_may_send_as_many_statements_as_it_says(db, statements):
    db.execute(select(Widget))
    with statements(2):
        db.execute(select(Widget))
        with db.begin_nested():
            db.execute(select(Gadget))
    assert len(statements) == 3


def test_one_statement_too_many_fails_and_is_shown(db, statements):
    def send_two():
        with statements(1):
            db.execute(select(Gadget.slug))
            db.execute(select(Gadget.price))

    db.execute(select(Widget))
    with pytest.raises(AssertionError, match="2 statements instead of at most 1") as failed:
        send_two()
    assert "gadgets.slug" in str(failed.value)
    assert "gadgets.price" in str(failed.value)
    assert "widgets" not in str(failed.value)
