"""A change of `SECRET_KEY` gives no user a second trial."""

import pytest

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.payments.selling import customers
from tests.auth.factories import make_user
from tests.payments.factories import make_customer

NEW, OLD = (
    "another secret that only tests know: 1a2b3c4d",
    "a secret that only tests know: 9f8e7d6c5b4a",
)
ADA = "ada@example.org"


@pytest.mark.parametrize("previous", ["", OLD])
def test_a_trial_is_remembered_under_another_key(db, settings, previous):
    """Edge case: one trial per person.

    The account was deleted, so only the digest of the account's address is left.
    """
    first = make_user(email=ADA)
    make_customer(first, trial_used_at=utc_now(), email="")
    with SessionLocal() as session, session.begin():
        session.merge(first).email = "gone@deleted.invalid"
    settings(SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=previous)
    again, other = make_customer(make_user(email=ADA)), make_customer(make_user())
    with SessionLocal() as session:
        assert customers.had_trial(session, again)
        assert not customers.had_trial(session, other)


def test_a_key_first_derived_after_the_change_is_the_old_one(db, settings):
    """An earlier version of the application made digests with a key that it derived
    from the `SECRET_KEY` of that time.
    """
    with SessionLocal() as session:
        before = customers.person_of(session, ADA)
        session.rollback()
    settings(SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=OLD)
    with SessionLocal() as session:
        assert customers.person_of(session, ADA) == before
