"""The statements of a request are counted when the driver sends them."""

import pytest
from sqlalchemy import insert, select, text

from app.db.database import SessionLocal, engine
from app.db.watching.tally import Tally, current
from tests.support.widgets import Widget


class Heard(Tally):
    def __init__(self, slow_after=60.0):
        super().__init__(slow_after)
        self.slow = []

    def report(self, statement, values, seconds):
        self.slow.append((statement, values, seconds))


@pytest.fixture
def tally():
    tally = Heard()
    before = current.set(tally)
    yield tally
    current.reset(before)


def test_statements_count_and_transactions_do_not(committed, tally):
    """BEGIN, SAVEPOINT, RELEASE, COMMIT and ROLLBACK do not count as statements."""
    with SessionLocal() as db:
        db.connection()
        tally.statements = 0  # a new connection sends additional statements
        db.execute(select(Widget))
        with db.begin_nested():
            db.execute(select(Widget))
        savepoint = db.begin_nested()
        db.execute(select(Widget))
        savepoint.rollback()
        db.commit()
    assert tally.statements == 3
    assert 0 < tally.seconds < 30
    assert tally.slow == []


def test_many_rows_count_as_often_as_the_driver_sends(committed, tally):
    """If the values contain a function, PyMySQL sends a statement for each row."""
    with SessionLocal() as db:
        db.connection()
        tally.statements = 0
        db.execute(insert(Widget), [{"name": f"widget {n}"} for n in range(3)])
    assert tally.statements == (3 if engine.dialect.name == "mysql" else 1)


def test_a_slow_statement_is_reported_with_its_values_apart(committed, tally):
    tally.slow_after = 0.0
    with SessionLocal() as db:
        db.execute(select(Widget).where(Widget.name == "s3cret"))
        db.execute(insert(Widget), [{"name": f"s3cret {n}"} for n in range(3)])
    of_widgets = [sent for sent, _, _ in tally.slow if "widgets" in sent]
    assert {sent.split()[0] for sent in of_widgets} == {"SELECT", "INSERT"}
    assert "s3cret" not in str(of_widgets)


def test_a_failed_statement_counts(committed, tally):
    with SessionLocal() as db:
        db.connection()
        tally.statements = 0
        with pytest.raises(Exception, match="no_such_table"):
            db.execute(text("SELECT * FROM no_such_table"))
    assert tally.statements == 1


def test_without_a_tally_nothing_is_counted(committed):
    current.set(None)
    with SessionLocal() as db:
        assert db.execute(select(Widget)).all() == []
