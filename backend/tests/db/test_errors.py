"""Database errors become responses. The tests provoke each error on a real database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    delete,
    exc,
    insert,
    text,
)
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app.core.config import Settings
from app.core.errors import AppError, Conflict, NotFound
from app.db.database import Base, engine
from app.db.engines import LOCK_SECONDS
from app.db.errors import conflicts, constraint_of, translate_database_error
from tests.support.widgets import NameTaken, Widget


class Refused(Conflict):
    code = "refused"


@pytest.fixture(scope="module")
def rules(migrated) -> Iterator[Table]:
    """A table with every kind of constraint, named by the naming convention."""
    table = Table(
        "rules",
        Base.metadata,
        Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
        Column("code", String(8), unique=True),
        Column("small", Integer),
        Column("parent_id", ForeignKey("rules.id")),
        Column("needed", Integer, nullable=False, default=1),
        CheckConstraint("small < 100", name="small_is_small"),
        Index("uq_rules_two", "small", "parent_id", unique=True),
    )
    table.create(engine)
    yield table
    table.drop(engine)
    Base.metadata.remove(table)


@contextmanager
def fails() -> Iterator[list[AppError | None]]:
    """Return the error into which the application translates the block's database
    error.
    """
    found: list[AppError | None] = []
    with pytest.raises(exc.SQLAlchemyError) as caught:
        yield found
    found.append(translate_database_error(caught.value))


def code(found: list[AppError | None]) -> tuple[int, str]:
    error = found[0]
    return (error.status, error.code) if error else (500, "internal_error")


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ([{"code": "a"}, {"code": "a"}], "uq_rules_code"),
        ([{"id": 7}, {"id": 7}], "pk_rules"),
        ([{"small": 500}], "ck_rules_small_is_small"),
        ([{"id": 7, "small": 1, "parent_id": 7}, {"small": 1, "parent_id": 7}], "uq_rules_two"),
        ([{"parent_id": 999}], "fk_rules_parent_id_rules"),
    ],
)
def test_a_broken_constraint_is_known_by_its_name(db, rules, kind, rows, name):
    if (kind, name) == ("mysql", "pk_rules"):
        name = "PRIMARY"  # MySQL names no primary key
    *before, last = rows
    for row in before:
        db.execute(insert(rules).values(row))
    with pytest.raises(Refused), conflicts({name: Refused}):
        db.execute(insert(rules).values(last))


def test_a_constraint_that_nobody_expects_stays_an_error(db, rules):
    with pytest.raises(exc.IntegrityError) as caught, conflicts({"uq_other": Refused}):
        db.execute(insert(rules).values([{"code": "a"}, {"code": "a"}]))
    assert translate_database_error(caught.value) is None
    assert constraint_of(caught.value) == "uq_rules_code"


def test_a_missing_value_breaks_no_named_constraint(db, rules):
    with pytest.raises(exc.IntegrityError) as caught:
        db.execute(insert(rules).values(needed=None))
    assert constraint_of(caught.value) is None


@pytest.mark.parametrize(
    "name",
    [
        "a' for key 'b'",
        "CHECK constraint failed: x",
        "UNIQUE constraint failed: a.b",
        "CONSTRAINT `x`",
        "FOREIGN KEY",
    ],
)
def test_a_value_that_reads_like_a_message_fools_nobody(widgets, db, name):
    assert widgets.post("/widgets", json={"name": name}).status_code == 201
    again = widgets.post("/widgets", json={"name": name})
    assert (again.status_code, again.json()["code"]) == (409, NameTaken.code)


@pytest.mark.only("postgresql", "mysql")  # SQLite accepts values that do not fit the column
@pytest.mark.parametrize("row", [{"code": "123456789"}, {"small": 2**40}])
def test_a_value_that_no_column_can_hold_is_a_422(db, rules, row):
    with fails() as found:
        db.execute(insert(rules).values(row))
    assert code(found) == (422, "unstorable_value")


UNSENDABLE: dict[str, list[str | int]]
UNSENDABLE = {"sqlite": ["\ud800", 2**70], "postgresql": ["\ud800", "a\0b"], "mysql": ["\ud800"]}


def test_a_value_that_a_driver_cannot_even_send_is_a_422(db, kind):
    for value in UNSENDABLE[kind]:
        with fails() as found:
            db.scalar(text("SELECT :value"), {"value": value})
        assert code(found) == (422, "unstorable_value")


@pytest.mark.only("postgresql", "mysql")
@pytest.mark.parametrize(
    "within", [Session.begin, Session.begin_nested], ids=["transaction", "savepoint"]
)
def test_one_of_two_deadlocked_transactions_is_a_conflict(pairs, within):
    both_hold = Barrier(2)

    def lock_both(first: int, second: int) -> list[AppError | None]:
        with pairs() as db:
            try:
                with within(db):
                    db.execute(text("UPDATE pairs SET n = n + 1 WHERE id = :id"), {"id": first})
                    both_hold.wait(10)
                    db.execute(text("UPDATE pairs SET n = n + 1 WHERE id = :id"), {"id": second})
                db.commit()
            except exc.DBAPIError as error:
                return [translate_database_error(error)]
        return []

    with ThreadPoolExecutor(2) as threads:
        found = [error for errors in threads.map(lock_both, (1, 2), (2, 1)) for error in errors]
    assert len(found) == 1
    assert code(found) == (503, "database_conflict")


class Gone(NotFound):
    code = "gone"


@pytest.mark.parametrize(("gone", "error"), [(Gone, Gone), (None, StaleDataError)])
def test_a_row_deleted_since_it_was_read_is_the_features_error(db, gone, error):
    widget = Widget(name="short-lived")
    db.add(widget)
    db.flush()
    db.execute(delete(Widget), execution_options={"synchronize_session": False})
    widget.weight = 1
    with pytest.raises(error), conflicts(gone=gone):
        db.flush()


def test_a_lock_that_somebody_keeps_is_a_timeout_and_not_a_wait(pairs):
    with pairs() as holder, pairs() as waiter:
        holder.execute(text("UPDATE pairs SET n = 1 WHERE id = 1"))
        with fails() as found:
            waiter.execute(text("UPDATE pairs SET n = 2 WHERE id = 1"))
    assert code(found) == (503, "database_timeout")


@pytest.mark.only("postgresql")
def test_a_snapshot_that_can_no_longer_be_kept_is_a_conflict(pairs):
    with pairs() as first, pairs() as second:
        for db in (first, second):
            db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            db.execute(text("SELECT n FROM pairs WHERE id = 1"))
        first.execute(text("UPDATE pairs SET n = 1 WHERE id = 1"))
        first.commit()
        with fails() as found:
            second.execute(text("UPDATE pairs SET n = 2 WHERE id = 1"))
    assert code(found) == (503, "database_conflict")


@pytest.mark.only("postgresql")
@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("08006", "database_unavailable"),
        ("25006", "database_unavailable"),
        ("25P03", "database_timeout"),
        ("53100", "database_unavailable"),
        ("53300", "database_unavailable"),
        ("57014", "database_timeout"),
        ("57P03", "database_unavailable"),
        ("58030", "database_unavailable"),
        ("55P03", "database_timeout"),
        ("22P02", "unstorable_value"),
        ("42601", "internal_error"),
        ("XX000", "internal_error"),
    ],
)
def test_every_class_of_sqlstate_has_its_answer(db, state, answer):
    with fails() as found:
        db.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"))
    assert code(found)[1] == answer


@pytest.mark.only("postgresql")
def test_a_primary_that_became_a_replica_is_unavailable(db):
    with fails() as found, engine.connect() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("UPDATE widgets SET weight = 1"))
    assert code(found) == (503, "database_unavailable")


@pytest.mark.only("mysql")
@pytest.mark.parametrize(
    ("number", "answer"),
    [
        (1040, "database_unavailable"),
        (1290, "database_unavailable"),
        (3024, "database_timeout"),
        (1064, "internal_error"),
    ],
)
def test_mysqls_own_numbers_have_their_answers(db, number, answer):
    with fails() as found:
        db.execute(text(f"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'x'"))
    assert code(found)[1] == answer


@pytest.mark.parametrize("mistake", ["SELECT * FROM nowhere", "SELEKT 1"])
def test_a_mistake_of_ours_is_a_plain_500(db, mistake):
    with fails() as found:
        db.execute(text(mistake))
    assert code(found) == (500, "internal_error")


@pytest.mark.only("sqlite")
def test_a_file_that_cannot_be_written_is_unavailable(db):
    with fails() as found:
        db.execute(text("PRAGMA query_only=ON"))
        try:
            db.execute(text("UPDATE widgets SET weight = 1"))
        finally:
            db.execute(text("PRAGMA query_only=OFF"))
    assert code(found) == (503, "database_unavailable")


def test_more_sessions_than_connections_is_busy_with_retry_after(migrated):
    from app.db.engines import make_engine

    short = make_engine(Settings(database_pool_timeout=0.1), pool_size=1, max_overflow=0)
    with short.connect(), fails() as found:
        short.connect()
    short.dispose()
    assert code(found) == (503, "database_busy")
    assert found[0]
    assert int(found[0].headers["Retry-After"]) > 0


def test_lock_limits_leave_time_for_the_clients_own():
    """A frontend gives up after about 10 s, so our response must come before that."""
    assert LOCK_SECONDS < 5
    assert (
        Settings.model_fields["database_pool_timeout"].default < 5
    )  # the settings of the tests have longer limits, because test machines may be busy
