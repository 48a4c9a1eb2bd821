"""`make billing-doctor` finds every kind of difference from Stripe, and repairs our
rows.
"""

import time
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update
from typer.testing import CliRunner

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.payments.models import (
    CheckoutAttempt,
    Customer,
    Invoice,
    Plan,
    Subscription,
    WebhookEvent,
)
from app.routers.payments.operations import doctor
from app.routers.payments.operations.commands import cli
from app.routers.payments.webhooks.processing import Outcome
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_invoice, make_subscription
from tests.payments.lives import make_payer, sell_plans


@pytest.fixture
def payer(db, stripe_side):
    """A payer with a paid subscription that has been synced."""
    found = make_payer(stripe_side, sell_plans())
    found.subscribe("team")
    found.look()
    db.commit()
    return found


def examined():
    return {
        (one.subject, one.what): (one.ours, one.theirs)
        for one in doctor.find_differences(patience=0)
    }


def repaired(db):
    doctor.repair_differences(doctor.find_differences(patience=0))
    db.expire_all()
    return examined()


def test_what_was_looked_at_does_not_differ(payer):
    assert examined() == {}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "past_due"),
        ("stripe_price_id", "price_of_another"),
        ("stripe_item_id", "si_other"),
        ("plan_id", None),
        ("cancel_at_period_end", True),
        ("current_period_end", utc_now()),
        ("trial_end", utc_now()),
        ("past_due_since", utc_now()),
        ("has_payment_method", False),
        ("canceled_at", utc_now()),
    ],
)
def test_each_column_of_a_subscription_is_compared_and_repaired(db, payer, column, value):
    row = db.scalars(select(Subscription)).one()
    db.execute(update(Subscription).values({column: value}))
    assert (row.stripe_id, column) in examined()
    assert repaired(db) == {}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "open"),
        ("amount_paid", 1),
        ("amount_refunded", 4900),
        ("dispute", "lost"),
        ("number", "other"),
    ],
)
def test_each_column_of_an_invoice_is_compared_and_repaired(db, payer, column, value):
    row = db.scalars(select(Invoice)).one()
    db.execute(update(Invoice).values({column: value}))
    assert (row.stripe_id, column) in examined()
    assert repaired(db) == {}


@pytest.mark.parametrize(
    ("column", "value"), [("email", "old@example.com"), ("gone_at", utc_now())]
)
def test_the_payer_is_compared(db, payer, column, value):
    db.execute(update(Customer).values({column: value}))
    assert [subject for subject, _ in examined()] == [payer.stripe_id]
    assert repaired(db) == {}


def test_rows_that_are_missing_are_found_and_made(db, payer):
    db.execute(delete(Invoice))
    db.execute(delete(Subscription))
    assert {what for _, what in examined()} == {"subscription", "invoice"}
    assert repaired(db) == {}
    assert db.scalars(select(Subscription.live_customer_id)).one() == payer.customer.id


def test_a_subscription_that_stripe_does_not_have_is_found(db, payer):
    make_subscription(payer.customer, stripe_id="sub_nobody", live_customer_id=None)
    assert examined()["sub_nobody", "subscription"] == ("active", "none")


def test_an_unfinished_invoice_missing_at_stripe_is_reported(payer):
    """A paid invoice is not reported, because Stripe may have deleted it."""
    make_invoice(payer.customer, stripe_id="in_nobody", status="open")
    make_invoice(payer.customer, stripe_id="in_past")
    assert examined() == {("in_nobody", "invoice"): ("open", "none")}


def test_a_trial_that_was_not_noted_is_found_and_noted(db, stripe_side):
    """Otherwise, the person would get another trial."""
    tried = make_payer(stripe_side, sell_plans())
    tried.subscribe("pro", trial_period_days=14)
    tried.look()
    db.execute(update(Customer).values(trial_used_at=None))
    assert [key for key in examined() if key[1] == "trial used"] == [
        (tried.stripe_id, "trial used")
    ]
    assert repaired(db) == {}


def test_two_live_subscriptions_of_one_payer_are_found(payer):
    payer.subscribe("pro")
    payer.look()
    assert (payer.stripe_id, "live subscriptions") in examined()


def test_a_customer_of_another_account_is_said_and_left_alone(db, payer):
    """With the wrong key, every customer is unknown to Stripe.

    Even then, the doctor must not end any subscription.
    """
    db.execute(update(Customer).values(stripe_id="cus_elsewhere"))
    assert repaired(db)["cus_elsewhere", "customer"] == ("known", "unknown")
    assert db.scalars(select(Subscription.status)).one() == "active"


def test_a_subscription_sold_here_to_nobody_we_know_is_found(stripe_side, db):
    prices = sell_plans()
    found = make_payer(stripe_side, prices)
    sold = found.subscribe("team", metadata={"liftoff_attempt": "a key"})
    found.look()
    assert (sold, "subscription of an unknown customer") not in examined()
    db.execute(delete(Customer))
    assert examined()[sold, "subscription of an unknown customer"] == ("none", found.stripe_id)
    stripe_side.api.subscriptions.cancel(sold)


def test_the_history_of_a_deleted_customer_is_no_difference(payer):
    payer.side.api.customers.delete(payer.stripe_id)
    assert (payer.stripe_id, "deleted") in examined()
    payer.look()
    assert examined() == {}


def test_live_places_and_live_subscriptions_must_match(db, payer):
    row = db.scalars(select(Subscription)).one()
    db.execute(update(Subscription).values(live_customer_id=None))
    assert (payer.stripe_id, "one live subscription is marked") in examined()
    db.execute(update(Subscription).values(live_customer_id=payer.customer.id, status="canceled"))
    assert (row.stripe_id, "a subscription that is not live is not marked") in examined()
    assert repaired(db) == {}


def test_a_checkout_open_beside_a_subscription_is_found(db, payer):
    plan = db.scalars(select(Plan).where(Plan.offered_as == "pro")).one()
    attempt = {
        "customer_id": payer.customer.id,
        "open_customer_id": payer.customer.id,
        "plan_id": plan.id,
    }
    db.add(CheckoutAttempt(**attempt, trial_days=0, key="k", stripe_id="cs_open"))
    db.commit()
    assert ("cs_open", "a subscriber has no open checkout") in examined()


@pytest.mark.parametrize(
    ("outcome", "payer_known", "age", "is_lost"),
    [
        (Outcome.DEAD, False, 0, True),
        (None, True, 6, True),
        (None, True, 4, False),
        (Outcome.PARKED, True, 0, True),
        (Outcome.PARKED, False, 60, False),
        (Outcome.DONE, True, 60, False),
    ],
)
def test_events_that_were_lost_are_found_and_get_a_job(payer, outcome, payer_known, age, is_lost):
    name = payer.stripe_id if payer_known else "cus_stranger"
    received = utc_now() - timedelta(minutes=age)
    facts = {
        "event_id": "evt_lost",
        "type": "customer.updated",
        "livemode": False,
        "body": b"{}",
        "created_at": utc_now(),
    }
    with SessionLocal() as db, db.begin():
        db.add(WebhookEvent(**facts, payer=name, outcome=outcome, received_at=received))
    assert bool(examined()) is is_lost
    doctor.repair_differences(doctor.find_differences(patience=0))
    with SessionLocal() as db:
        assert (
            db.scalar(select(func.count(Job.id)).where(Job.kind == "payments.process_event"))
            == is_lost
        )


def test_a_price_changed_at_stripe_is_found(db, payer):
    payer.side.api.products.update("liftoff-pro", {"name": "Somebody was here"})
    try:
        assert ("pro", "plans.toml, make plans-sync") in examined()
    finally:
        sell_plans()
    db.execute(update(Plan).where(Plan.offered_as == "pro").values(stripe_price_id="price_old"))
    assert ("pro", "price") in examined()
    assert repaired(db) == {}


def test_where_events_are_sent_is_examined_too(payer):
    found = doctor.find_differences(patience=0, with_endpoints=True)
    assert [one.subject for one in found] == ["webhook"]


def test_what_is_on_its_way_is_waited_for(db, payer, monkeypatch):
    """The first comparison finds a difference. Before the second comparison, a worker
    has synced.
    """
    db.execute(update(Subscription).values(status="past_due"))
    # The worker syncs during the pause, because only then has the first comparison
    # ended for certain and the second not begun.
    monkeypatch.setattr(time, "sleep", lambda _: payer.look())
    assert doctor.find_differences(patience=10) == []


def run(*arguments):
    return CliRunner().invoke(cli, ["billing-doctor", *arguments])


@pytest.fixture
def quick(monkeypatch):
    """Set the pause to zero, because the differences in these tests never disappear.

    The command has no option for the pause. It waits ten seconds before it reports a
    difference.
    """
    monkeypatch.setattr(doctor, "PATIENCE", 0.0)


def test_the_command_exits_with_1_on_any_difference_and_shows_it(db, payer, quick):
    assert run().exit_code == 0
    db.execute(update(Subscription).values(status="past_due"))
    said = run()
    assert said.exit_code == 1
    assert "past_due" in said.output
    fixed = run("--fix")
    assert (fixed.exit_code, "Our rows match Stripe." in fixed.output) == (0, True)
    assert run().exit_code == 0


def test_the_command_says_what_it_could_not_repair(db, payer, quick):
    db.execute(update(Customer).values(stripe_id="cus_elsewhere"))
    said = run("--fix")
    assert said.exit_code == 1
    assert "Differences after the repair" in said.output


def test_without_stripe_nothing_is_said_to_be_in_line(db, billing):
    make_customer(make_user())
    said = run()
    assert said.exit_code == 1
    assert "Our rows match" not in said.output
