"""Old notices, checkouts and events are deleted, and so are the payers of deleted
accounts.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.payments.models import (
    CheckoutAttempt,
    Customer,
    Invoice,
    Notice,
    Subscription,
    WebhookEvent,
)
from app.routers.payments.operations import invariants
from app.routers.payments.selling import customers
from tests.auth.factories import PASSWORD, make_user
from tests.payments.factories import make_customer, make_invoice, make_subscription, plan_of
from tests.payments.stripe_side import event, send
from tests.support.jobs import purge

DAY = timedelta(days=1)


def store(*rows):
    with SessionLocal() as db, db.begin():
        db.add_all(rows)


def count(table):
    with SessionLocal() as db:
        return db.scalar(select(func.count()).select_from(table))


def run_purges():
    with SessionLocal() as db:
        purge(db)


def deleted_payer(*, age=401 * DAY, **columns):
    return make_customer(
        make_user(), forget_from=utc_now() - age, **{"gone_at": utc_now(), **columns}
    )


def history_of(customer):
    make_invoice(
        customer,
        subscription_id=make_subscription(customer, status="canceled", live_customer_id=None).id,
    )
    store(Notice(customer_id=customer.id, key=f"receipt {customer.id}"))


def test_a_deleted_accounts_payer_goes_with_the_whole_history(shown_plans):
    history_of(deleted_payer())
    run_purges()
    assert [count(table) for table in (Customer, Subscription, Invoice, Notice)] == [0, 0, 0, 0]


def test_who_had_a_trial_is_remembered_without_the_history(shown_plans, db):
    """A person gets only one trial, even with a new account."""
    payer = deleted_payer(
        trial_used_at=utc_now(), person=customers.person_of(db, "ada@example.com")
    )
    history_of(payer)
    for _ in range(2):
        run_purges()
    assert [count(table) for table in (Customer, Subscription, Invoice, Notice)] == [1, 0, 0, 0]
    again = make_customer(make_user(), person=customers.person_of(db, "ada@example.com"))
    assert customers.had_trial(db, again)


@pytest.mark.parametrize("columns", [{"age": 399 * DAY}, {"gone_at": None}])
def test_a_payer_stays_while_a_dispute_is_possible_or_open(shown_plans, columns):
    deleted_payer(**columns)
    make_customer(make_user())
    run_purges()
    assert count(Customer) == 2


def test_deleting_an_account_begins_the_time(client, db, login):
    user = login(make_user())
    customer = make_customer(user)
    assert client.post("/auth/delete-account", json={"password": PASSWORD}).status_code == 204
    db.refresh(found := db.get_one(Customer, customer.id))
    assert found.forget_from


def test_notices_go_when_no_mail_could_come_again(shown_plans):
    """While an invoice is open, its notice prevents a second email about it."""
    owing, settled = make_customer(make_user()), make_customer(make_user())
    make_invoice(owing, status="open")
    make_invoice(settled)
    for payer in (owing, settled):
        for age in (399, 401):
            store(
                Notice(
                    customer_id=payer.id,
                    key=f"failed {payer.id} {age}",
                    created_at=utc_now() - age * DAY,
                )
            )
    run_purges()
    with SessionLocal() as db:
        left = set(db.scalars(select(Notice.key)))
    assert left == {f"failed {owing.id} 399", f"failed {owing.id} 401", f"failed {settled.id} 399"}


def test_checkouts_go_a_month_after_they_were_closed(shown_plans):
    payer = make_customer(make_user())
    for closed_at in (utc_now() - 31 * DAY, utc_now() - 29 * DAY, None):
        attempt = {
            "customer_id": payer.id,
            "plan_id": plan_of("team").id,
            "trial_days": 0,
            "key": uuid4().hex,
        }
        store(CheckoutAttempt(**attempt, closed_at=closed_at, created_at=utc_now() - 40 * DAY))
    run_purges()
    assert count(CheckoutAttempt) == 2


def test_an_event_that_was_given_up_on_goes_like_all_others(client, committed, billing):
    """A dead event also contains addresses."""
    from app.platform.jobs import Failure
    from app.routers.payments.webhooks import processing

    send(client, event(id="evt_dead"))
    with SessionLocal() as db, db.begin():
        row = db.scalars(select(WebhookEvent)).one()
        processing.note_failure(db, {"id": row.id}, Failure("no luck", is_final=True))
    with SessionLocal() as db, db.begin():
        row = db.scalars(select(WebhookEvent)).one()
        assert row.outcome == "dead"
        assert row.processed_at
        row.processed_at -= 91 * DAY
    run_purges()
    assert count(WebhookEvent) == 0


def test_invariants_know_what_is_left_of_a_deleted_account(committed, billing):
    user = make_user(email="x@deleted.invalid")
    customer = make_customer(user, email="x@example.org")
    with SessionLocal() as db, db.begin():
        at = {
            "started_at": utc_now(),
            "current_period_start": utc_now(),
            "current_period_end": utc_now(),
        }
        plain = {"stripe_item_id": "si", "stripe_price_id": "price", "cancel_at_period_end": False}
        left = {
            "customer_id": customer.id,
            "live_customer_id": customer.id,
            "stripe_id": "sub_left",
            "status": "active",
        }
        db.add(Subscription(**left, **at, **plain, has_payment_method=True))
    with SessionLocal() as db:
        broken = {(one.subject, one.rule) for one in invariants.broken_invariants(db)}
    assert broken == {
        ("sub_left", "a deleted account has no subscription"),
        (customer.stripe_id, "a deleted account has no email address"),
    }
