"""A sync makes our rows equal to Stripe's objects.

An older snapshot never overwrites a newer one.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.payments.gateway import SeenSession
from app.routers.payments.mirror import sync
from app.routers.payments.models import CheckoutAttempt, Customer, Invoice, Plan, Subscription
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_subscription
from tests.payments.seen import at, invoice, payer, subscription, unpaid, write

pytestmark = pytest.mark.usefixtures("shown_plans", "billing")


@pytest.fixture
def customer(shown_plans):
    return make_customer(make_user())


def only(table):
    with SessionLocal() as db:
        return db.scalars(select(table)).one()


def rows(table):
    with SessionLocal() as db:
        return {row.stripe_id: row for row in db.scalars(select(table))}


def jobs(kind):
    with SessionLocal() as db:
        return [job.payload for job in db.scalars(select(Job).where(Job.kind == kind))]


def alarms(records):
    return [record["alarm"] for record in records() if record["event"] == "payments_alarm"]


def test_a_subscription_and_its_invoice_become_rows(db, customer):
    db.execute(update(Plan).where(Plan.slug == "pro").values(stripe_price_id="price_1"))
    db.commit()
    seen, paid = (
        subscription(trial_end=at(utc_now())),
        invoice(amount_refunded=200, dispute="needs_response"),
    )
    write(customer, payer(customer, seen, paid))
    row, bill = only(Subscription), only(Invoice)
    for name in sync.SUBSCRIPTION_COLUMNS:
        assert getattr(row, name) == getattr(seen, name), name
    for name in sync.INVOICE_COLUMNS:
        assert getattr(bill, name) == getattr(paid, name), name
    plan = db.scalars(select(Plan).where(Plan.slug == "pro")).one()
    assert (row.plan_id, row.live_customer_id, bill.subscription_id) == (
        plan.id,
        customer.id,
        row.id,
    )
    assert only(Customer).email == "ada@example.com"


def test_writing_the_same_again_changes_nothing(db, customer):
    seen = payer(customer, subscription(), invoice())
    write(customer, seen)
    before = vars(only(Subscription)) | {"_sa_instance_state": None}
    write(customer, seen)
    assert vars(only(Subscription)) | {"_sa_instance_state": None} == before


def test_an_older_snapshot_never_overwrites_a_newer_one(db, customer):
    """Requirement 52, R12."""
    earlier, later = sync.take_ticket(customer.id), sync.take_ticket(customer.id)
    write(customer, payer(customer, subscription(status="canceled")), later)
    write(customer, payer(customer, subscription(status="active")), earlier)
    assert only(Subscription).status == "canceled"
    write(customer, payer(customer, subscription(status="active")), later)
    assert only(Subscription).status == "canceled"


def test_the_response_to_our_change_is_kept_until_a_later_sync(db, customer):
    """A sync that begins before the change and ends after the change has read the old
    state.
    """
    write(customer, payer(customer, subscription()))
    look = sync.take_ticket(customer.id)
    ours = sync.take_ticket(customer.id)
    with SessionLocal() as session, session.begin():
        sync.write_subscription(session, ours, subscription(cancel_at_period_end=True))
    write(customer, payer(customer, subscription()), look)
    assert only(Subscription).cancel_at_period_end
    assert jobs("payments.sync_payer") == [{"customer_id": customer.id}]


@pytest.mark.parametrize(
    ("status", "live"),
    [
        *((status, True) for status in ("trialing", "active", "past_due", "unpaid", "paused")),
        *((status, False) for status in ("incomplete", "incomplete_expired", "canceled")),
    ],
)
def test_a_live_subscription_holds_its_payer(db, customer, status, live):
    """Edge case: incomplete and incomplete_expired are not active."""
    write(customer, payer(customer, subscription(status=status)))
    assert only(Subscription).live_customer_id == (customer.id if live else None)


def test_of_two_live_subscriptions_the_older_one_counts(db, customer, records):
    """Requirement 53: a payer is never charged for two subscriptions."""
    old = subscription("sub_old", started_at=at(utc_now() - timedelta(days=1)), attempt="a")
    ours, theirs = subscription("sub_ours", attempt="b"), subscription("sub_theirs")
    for order in ([ours, old, theirs], [theirs, ours, old]):
        write(customer, payer(customer, *order))
        assert [row.stripe_id for row in rows(Subscription).values() if row.live_customer_id] == [
            "sub_old"
        ]
    assert jobs("payments.end_duplicate") == [{"subscription": "sub_ours"}]
    assert set(alarms(records)) == {"second_subscription", "unknown_price"}


def test_the_older_subscription_replaces_one_seen_earlier(db, customer):
    """Every order of events leads to the same rows."""
    old, new = (
        subscription("sub_old", started_at=at(utc_now() - timedelta(days=1))),
        subscription("sub_new"),
    )
    write(customer, payer(customer, new))
    write(customer, payer(customer, new, old))
    assert [row.stripe_id for row in rows(Subscription).values() if row.live_customer_id] == [
        "sub_old"
    ]


def test_when_the_live_one_ends_the_other_takes_its_place(db, customer):
    old, new = (
        subscription("sub_old", started_at=at(utc_now() - timedelta(days=1))),
        subscription("sub_new"),
    )
    write(customer, payer(customer, old, new))
    write(customer, payer(customer, subscription("sub_old", status="canceled"), new))
    assert [row.stripe_id for row in rows(Subscription).values() if row.live_customer_id] == [
        "sub_new"
    ]


def test_the_database_refuses_a_payers_second_live_subscription(db, customer):
    """Requirement 53, as a last resort: it holds for any code and manual changes."""
    make_subscription(customer)
    with pytest.raises(IntegrityError):
        make_subscription(customer)


def test_the_database_refuses_a_payers_second_open_checkout(db, customer):
    """Requirement 53."""
    attempt(db, customer)
    with pytest.raises(IntegrityError):
        attempt(db, customer, key="another")


def test_arrears_begin_with_the_oldest_unpaid_invoice(db, customer):
    """Edge case: past_due keeps access. The grace period does not depend on syncs."""
    old, new = (at(utc_now() - timedelta(days=days)) for days in (9, 2))
    bills = [
        unpaid("in_2", finalized_at=new),
        unpaid("in_1", finalized_at=old),
        unpaid("in_0", attempts=0),
    ]
    write(customer, payer(customer, subscription(status="past_due"), *bills))
    assert only(Subscription).past_due_since == old
    write(customer, payer(customer, subscription(status="active"), *bills))
    assert only(Subscription).past_due_since is None


def test_the_statements_of_a_look_do_not_grow_with_the_invoices(db, customer, statements):
    old = {
        "created_at": at(utc_now() - timedelta(days=90)),
        "paid_at": at(utc_now() - timedelta(days=90)),
    }
    bills = [invoice(f"in_{number}", **old) for number in range(30)]
    counts, paid_for = [], subscription()
    for some in (bills[:3], bills):
        write(customer, payer(customer, paid_for, *some))
        statements.clear()
        write(customer, payer(customer, paid_for, *some))
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_a_draft_deleted_at_stripe_is_removed_unlike_a_bill(db, customer):
    bills = [
        invoice("in_draft", status="draft", number=None),
        unpaid("in_open"),
        invoice("in_paid"),
    ]
    write(customer, payer(customer, *bills))
    write(customer, payer(customer))
    assert set(rows(Invoice)) == {"in_open", "in_paid"}


def test_who_was_deleted_at_stripe_has_no_subscription(db, customer):
    """Edge case: customer deleted at Stripe. The state of the subscription at Stripe no
    longer matters.
    """
    write(customer, payer(customer, subscription()))
    write(customer, payer(customer, subscription(), is_gone=True, email=""))
    row = only(Subscription)
    assert (row.status, row.live_customer_id, row.ended_at is not None) == ("canceled", None, True)
    gone = only(Customer)
    assert (gone.gone_at is not None, gone.email) == (True, "")


def test_planned_changes_end_with_a_customer_deleted_at_stripe(db, customer):
    """Edge case: customer deleted at Stripe, with planned changes."""
    soon = at(utc_now() + timedelta(days=9))
    moments = ("cancel_at", "pause_until", "pending_update_until", "scheduled_at")
    intended: dict[str, Any] = {
        "cancel_at_period_end": True,
        "pause_behavior": "void",
        "schedule_id": "sched_1",
    }
    intended |= {"scheduled_price_id": "price_2", **dict.fromkeys(moments, soon)}
    write(customer, payer(customer, subscription(**intended)))
    write(customer, payer(customer, subscription(**intended), is_gone=True, email=""))
    row = only(Subscription)
    assert {name: getattr(row, name) or None for name in intended} == dict.fromkeys(intended)


def test_a_deleted_customers_snapshot_is_not_stored_for_the_next(db, customer):
    """Edge case: customer deleted at Stripe, and the user subscribes again
    while one of its events is being processed.
    """
    old = sync.take_ticket(customer.id)
    db.execute(update(Customer).values(stripe_id="cus_next"))
    db.commit()
    write(customer, payer(customer, subscription("sub_next")))
    write(customer, payer(customer, is_gone=True, email=""), replace(old, number=old.number + 2))
    assert (only(Subscription).status, only(Customer).gone_at) == ("active", None)


def test_a_trial_is_noted_for_ever(db, customer):
    """Edge case: one trial per person."""
    begun = at(utc_now() - timedelta(days=20))
    write(customer, payer(customer, subscription(trial_start=begun, status="canceled")))
    write(customer, payer(customer, subscription(trial_start=None)))
    assert only(Customer).trial_used_at == begun


def attempt(db, customer, **columns):
    plan = db.scalars(select(Plan).where(Plan.slug == "pro")).one()
    open_one = {
        "customer_id": customer.id,
        "open_customer_id": customer.id,
        "plan_id": plan.id,
        "trial_days": 0,
    }
    db.add(CheckoutAttempt(**(open_one | {"key": "k"} | columns)))
    db.commit()


@pytest.mark.parametrize(
    ("status", "is_open"), [("open", True), ("complete", False), ("expired", False)]
)
def test_a_session_that_is_over_makes_room(db, customer, status, is_open):
    attempt(db, customer, stripe_id="cs_1")
    write(customer, payer(customer, session=SeenSession("cs_1", status, None)))
    row = only(CheckoutAttempt)
    assert (row.open_customer_id is not None, row.closed_at is None) == (is_open, is_open)


def test_a_subscription_tells_which_checkout_is_over(db, customer):
    """The response of the checkout was lost, so the session's id is unknown here."""
    attempt(db, customer)
    write(customer, payer(customer, subscription(attempt="k")))
    assert only(CheckoutAttempt).open_customer_id is None


def test_a_dispute_raises_the_alarm_at_each_turn(db, customer, records):
    """Edge case: dispute opens and closes."""
    for status in ("needs_response", "needs_response", "under_review", "lost"):
        write(customer, payer(customer, invoice(dispute=status, subscription_id=None)))
    assert alarms(records) == ["dispute"] * 3
    assert only(Invoice).dispute == "lost"


def test_an_unknown_price_raises_the_alarm_once(db, customer, records):
    for _ in range(2):
        write(customer, payer(customer, subscription(price_id="price_x")))
    assert alarms(records) == ["unknown_price"]
    assert only(Subscription).plan_id is None
