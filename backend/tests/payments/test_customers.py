"""A user has one customer at Stripe, whatever is repeated or lost (requirement 53)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.auth.models import User
from app.routers.payments.gateway import PaymentsUnavailable, StripeRefused
from app.routers.payments.mirror import sync
from app.routers.payments.models import Customer, Invoice
from app.routers.payments.operations import doctor
from app.routers.payments.selling import customers
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_invoice


def ensure(user):
    """Make sure in the same way as a request that the user has a customer at Stripe.
    Return the customer's id, or `None` after a refusal.
    """
    with SessionLocal() as db:
        try:
            return customers.ensure_customer(db, db.get_one(User, user.id)).stripe_id
        except PaymentsUnavailable:
            return None
        finally:
            db.commit()


def at_stripe(side, user):
    return [found.id for found in side.api.customers.list({"email": user.email}).auto_paging_iter()]


def row_of(user):
    with SessionLocal() as db:
        return db.scalars(select(Customer).where(Customer.user_id == user.id)).one()


def test_the_first_time_makes_the_customer_and_later_finds_it(db, stripe_side):
    user = make_user()
    made = ensure(user)
    assert made is not None
    assert ensure(user) == made
    assert at_stripe(stripe_side, user) == [made]


@pytest.mark.parametrize("lost", [0.0, 0.4])
def test_twenty_clicks_at_once_make_one_customer(committed, stripe_side, lost):
    """Requirement 53: this holds even if responses are lost repeatedly."""
    user = make_user()
    stripe_side.chaos(calls={"lost": lost}, seed=7)
    with ThreadPoolExecutor(4) as pool:  # the pool has four connections
        answers = set(pool.map(lambda _: ensure(user), range(20)))
    stripe_side.chaos()
    made = ensure(user)
    assert answers - {None} <= {made}
    assert at_stripe(stripe_side, user) == [made]
    assert row_of(user).stripe_id == made


def test_after_a_lost_response_the_retry_finds_the_same_customer(db, stripe_side):
    """Requirement 53: the Idempotency-Key was stored before the call."""
    user = make_user()
    stripe_side.chaos(
        next=[{"fault": "lost", "method": "POST", "path": "/v1/customers", "times": 3}]
    )
    assert ensure(user) is None
    assert len(at_stripe(stripe_side, user)) == 1
    assert [ensure(user)] == at_stripe(stripe_side, user)


def test_when_stripe_forgot_the_key_the_customer_is_searched_for(db, stripe_side):
    """Requirement 53: Stripe forgets an Idempotency-Key after a day."""
    user = make_user()
    key = "a key that Stripe has forgotten"
    made = stripe_side.api.customers.create(
        {"email": user.email, "metadata": {"liftoff_customer": key}}
    )
    stripe_side.api.customers.create(
        {"email": user.email, "metadata": {"liftoff_customer": "another"}}
    )
    make_customer(
        user,
        stripe_id=None,
        creation_key=key,
        creation_asked_at=utc_now() - timedelta(hours=23, minutes=1),
    )
    assert ensure(user) == made.id


def test_another_address_of_the_account_is_told_to_stripe(db, stripe_side):
    user = make_user()
    made = ensure(user)
    db.execute(update(User).where(User.id == user.id).values(email="new@example.org"))
    db.commit()
    assert ensure(user) == made
    assert stripe_side.api.customers.retrieve(made).email == "new@example.org"
    assert row_of(user).email == "new@example.org"


def test_a_customer_deleted_at_stripe_is_replaced_by_a_new_one(db, stripe_side):
    """Edge case: customer deleted at Stripe."""
    user = make_user()
    old = ensure(user)
    db.execute(update(Customer).where(Customer.user_id == user.id).values(gone_at=utc_now()))
    db.commit()
    made = ensure(user)
    assert made not in (None, old)
    row = row_of(user)
    assert (row.gone_at, row.stripe_id) == (None, made)


def test_what_a_deleted_customer_owed_is_void(db, stripe_side):
    """An open invoice can no longer be paid. A paid invoice does not change."""
    user = make_user()
    ensure(user)
    customer = row_of(user)
    for status in ("open", "paid", "uncollectible"):
        make_invoice(customer, status=status)
    stripe_side.api.customers.delete(customer.stripe_id)
    sync.sync_payer(db, customer.id)
    ensure(user)
    sync.sync_payer(db, customer.id)
    assert db.scalars(select(Invoice.status).order_by(Invoice.id)).all() == [
        "void",
        "paid",
        "uncollectible",
    ]
    assert [found for found in doctor.find_differences() if found.customer_id] == []


def test_a_refusal_is_not_taken_for_an_outage(db, stripe_side):
    user = make_user()
    make_customer(
        user, stripe_id=None, creation_key="k", creation_asked_at=utc_now(), email="no address"
    )
    with pytest.raises(StripeRefused):
        ensure(user)
