"""Insert a row unless another transaction has inserted it first."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.db.database import SessionLocal
from app.db.insertion import insert_if_absent
from app.platform.models import Job, KeptKey

KEY = "uq_kept_keys_purpose"


def kept(purpose="seal", key="00"):
    return KeptKey(purpose=purpose, key=key)


def test_the_first_row_is_inserted_and_the_second_is_not(db):
    assert insert_if_absent(db, kept(key="01"), KEY)
    late = kept(key="02")
    assert not insert_if_absent(db, late, KEY)
    assert late not in db
    assert db.scalars(select(KeptKey.key)).all() == ["01"]


def test_the_work_before_a_refused_insert_is_kept(db):
    insert_if_absent(db, kept(), KEY)
    db.add(kept("other"))
    assert not insert_if_absent(db, kept(), KEY)
    db.commit()
    assert set(db.scalars(select(KeptKey.purpose))) == {"seal", "other"}


def test_another_constraint_stays_an_error(db):
    insert_if_absent(db, kept(), KEY)
    with pytest.raises(IntegrityError):
        insert_if_absent(db, kept(), "uq_jobs_key")
    with pytest.raises(IntegrityError):
        insert_if_absent(db, Job(kind=None, payload={}), "uq_jobs_key")
    assert db.scalars(select(KeptKey.purpose)).all() == ["seal"]


def test_of_twenty_at_once_one_inserts(committed):
    """Before the insert, each transaction has looked for the row without success."""

    def insert(_):
        with SessionLocal() as db, db.begin():
            return insert_if_absent(db, kept(), KEY)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(insert, range(20))) == 1
    with SessionLocal() as db:
        assert db.scalar(select(func.count(KeptKey.id))) == 1
