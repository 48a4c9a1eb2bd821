"""A transaction that writes rows of a payer waits for another transaction that does the
same.

After that, the waiting transaction decides by the rows that the other one has written
(R12):

    first    lock payer, write ........ commit
    second             lock payer (waits) ...... read the payer again, decide
"""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import pytest
from sqlalchemy import select

from app.db.database import SessionLocal
from app.routers.auth.models import User
from app.routers.payments.mirror import sync
from app.routers.payments.models import CheckoutAttempt, Customer, Plan, Subscription
from app.routers.payments.selling import checkout
from app.routers.payments.service import AlreadySubscribed
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, store_plans
from tests.payments.seen import payer, subscription, write

# SQLite has one writer at a time, and refuses the second writer.
pytestmark = [pytest.mark.only("postgresql", "mysql"), pytest.mark.usefixtures("billing")]


@pytest.fixture
def customer(committed):
    store_plans()
    return make_customer(make_user())


@pytest.fixture
def threads():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def is_waiting(work):
    with pytest.raises(StillWaiting):
        work.result(0.5)
    return True


def test_what_was_asked_for_earlier_waits_and_is_dropped(customer, threads):
    earlier, later = sync.take_ticket(customer.id), sync.take_ticket(customer.id)
    with SessionLocal() as db:
        sync.write_payer(db, later, payer(customer, subscription(status="canceled")))
        other = threads.submit(
            write, customer, payer(customer, subscription(status="active")), earlier
        )
        assert is_waiting(other)
        db.commit()
        other.result(5)
        assert db.scalars(select(Subscription.status)).one() == "canceled"


def test_a_checkout_waits_for_a_subscription_being_written(customer, threads):
    """Requirement 53: between reading Stripe and storing the attempt, another process
    may have stored the subscription that was bought.
    """

    def begin():
        with SessionLocal() as db, db.begin():
            user, found = db.get_one(User, customer.user_id), db.get_one(Customer, customer.id)
            plan = db.scalars(select(Plan).where(Plan.offered_as == "team")).one()
            return checkout.begin_attempt(db, user, found, plan, None)

    with SessionLocal() as db:
        sync.write_payer(db, sync.take_ticket(customer.id), payer(customer, subscription()))
        other = threads.submit(begin)
        assert is_waiting(other)
        db.commit()
        with pytest.raises(AlreadySubscribed):
            other.result(5)
        assert db.scalar(select(CheckoutAttempt.id)) is None
