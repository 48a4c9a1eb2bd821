"""Transactions that lock the same value wait for each other. Each releases the lock
when it ends.
"""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import pytest
from sqlalchemy import exc

from app.db.database import SessionLocal
from app.db.errors import DatabaseTimeout, translate_database_error
from app.db.locks import wait_for_turn
from tests.support.widgets import Widget

NAME = "first-light"


def take(name=NAME):
    with SessionLocal() as db:
        wait_for_turn(db, Widget.name, name)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.only("postgresql", "mysql")
@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_the_next_one_waits_until_the_transaction_ends(migrated, threads, end):
    with SessionLocal() as db:
        wait_for_turn(db, Widget.name, NAME)
        wait_for_turn(db, Widget.name, NAME)  # a transaction does not wait for its own lock
        waiting = threads.submit(take)
        with pytest.raises(StillWaiting):
            waiting.result(0.3)
        getattr(db, end)()
        waiting.result(60)


@pytest.mark.only("postgresql", "mysql")
def test_other_names_do_not_wait(migrated, threads):
    with SessionLocal() as db:
        wait_for_turn(db, Widget.name, NAME)
        threads.submit(take, f"{NAME}-2").result(60)


@pytest.mark.only("postgresql", "mysql")
def test_who_waits_too_long_is_told_so(migrated, threads):
    with SessionLocal() as db:
        wait_for_turn(db, Widget.name, NAME)
        with pytest.raises((DatabaseTimeout, exc.DBAPIError)) as caught:
            threads.submit(take).result(60)
    error = caught.value
    told = error if isinstance(error, DatabaseTimeout) else translate_database_error(error)
    assert isinstance(told, DatabaseTimeout)
