"""An INSERT that travels with the next statement is still part of its transaction."""

import pytest
from sqlalchemy import exc, select, text, update
from sqlalchemy.orm import Session

from app.db.database import RoutedSession, SessionLocal
from app.db.insertion import insert_ahead
from tests.support.widgets import Widget

AHEAD = insert_ahead(Widget)


def add(db: Session, name: str) -> None:
    db.connection().execute(AHEAD, {"name": name})


def names() -> list[str]:
    with SessionLocal() as db:
        return list(db.scalars(select(Widget.name).order_by(Widget.name)))


def test_a_row_is_stored_with_the_transaction(committed):
    for name in ("first", "100 % %s %(name)s ; -- ' \\ ü"):
        with SessionLocal() as db, db.begin():
            db.scalar(select(1))
            add(db, name)
    assert names() == ["100 % %s %(name)s ; -- ' \\ ü", "first"]


def test_the_next_statement_sees_the_row(committed):
    with SessionLocal() as db, db.begin():
        db.execute(update(Widget).values(weight=1))
        add(db, "lamp")
        add(db, "50 %")
        assert db.scalars(select(Widget.name).where(Widget.name == "50 %")).all() == ["50 %"]
        assert len(db.scalars(select(Widget.name)).all()) == 2


def test_the_first_statement_of_a_transaction_may_be_one(committed):
    for reading in (True, False):
        with SessionLocal(info={"reading": reading}) as db:
            add(db, f"lamp {reading}")
            db.commit()
    assert names() == ["lamp False", "lamp True"]


def test_a_rollback_takes_the_row_back(committed):
    with SessionLocal() as db:
        db.scalar(select(1))
        add(db, "lamp")
        db.rollback()
        db.scalar(select(1))
        db.commit()
    assert names() == []


def test_a_savepoint_takes_only_its_own_rows_back(committed):
    with SessionLocal() as db, db.begin():
        db.execute(update(Widget).values(weight=1))
        add(db, "before")
        inner = db.begin_nested()
        add(db, "inside")
        inner.rollback()
        with db.begin_nested():
            add(db, "kept")
    assert names() == ["before", "kept"]


def test_empty_savepoints_do_not_reach_the_next_transaction(committed):
    with SessionLocal() as db:
        with db.begin_nested():
            pass
        db.commit()
        with db.begin_nested():
            add(db, "lamp")
        db.commit()
    assert names() == ["lamp"]


def test_a_refused_row_refuses_the_whole_transaction(committed):
    """On PostgreSQL, the error appears only when the transaction commits."""

    def add_two() -> None:
        with SessionLocal() as db, db.begin():
            add(db, "first")
            db.connection().execute(AHEAD, {"name": None})

    with pytest.raises(exc.DBAPIError):
        add_two()
    assert names() == []
    with SessionLocal() as db:
        assert db.scalar(text("SELECT 1")) == 1


@pytest.mark.only("postgresql")
def test_it_sends_no_message_of_its_own(counted):
    own, listener = counted
    sent = []
    for inserts in (0, 1, 2):
        before = listener.messages
        with RoutedSession(own) as db:
            db.scalar(select(Widget.id))
            for number in range(inserts):
                add(db, f"lamp {inserts} {number}")
            db.commit()
        sent.append(listener.messages - before)
    with RoutedSession(own) as db, db.begin():
        assert db.query(Widget).delete() == 3
    assert sent == [2, 2, 2]
