"""A person gets one trial. Another spelling of an address is not another person."""

import hmac
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform.kept_keys import kept_key
from app.routers.auth.models import User
from app.routers.payments.models import CheckoutAttempt, Customer, Plan, Subscription
from app.routers.payments.selling import checkout, customers
from app.routers.payments.selling.customers import had_trial, mailbox_of
from tests.auth.factories import make_user
from tests.payments.buying import attempts, begin, session_of
from tests.payments.factories import make_customer, sell_plans
from tests.payments.steps import payer, told

MAILBOXES = [
    ("ada@example.com", "ada@example.com"),
    ("ada+trial@example.com", "ada@example.com"),
    ("ada+a+b@example.com", "ada@example.com"),
    ("a.da@example.com", "a.da@example.com"),  # at other providers, dots matter
    ("ada-trial@example.com", "ada-trial@example.com"),  # dashes matter, too
    ("+ada@example.com", "+ada@example.com"),
    ("Ada@Example.COM", "ada@example.com"),
    ("a.d.a@gmail.com", "ada@gmail.com"),
    ("ada@googlemail.com", "ada@gmail.com"),
    ("A.da+x.y@GoogleMail.com", "ada@gmail.com"),
    ("a.da@gmail.com.example.com", "a.da@gmail.com.example.com"),
    ("a.da@mygmail.com", "a.da@mygmail.com"),
    ("ada+x@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
]


@pytest.mark.parametrize(("email", "mailbox"), MAILBOXES)
def test_what_a_mailbox_ignores_is_ignored(email, mailbox):
    assert mailbox_of(email) == mailbox


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("ada@example.com", "ada+again@example.com", True),
        ("ada+first@example.com", "ada+second@example.com", True),
        ("ada+first@example.com", "ada@example.com", True),
        ("ada.lovelace@gmail.com", "adalovelace+x@googlemail.com", True),
        ("ada@example.com", "ada@example.org", False),
        ("a.da@example.com", "ada@example.com", False),
    ],
)
def test_another_spelling_gets_no_second_trial(db, before, after, expected):
    """Edge case: one trial per person. The accounts keep their addresses."""
    make_customer(make_user(email=before), trial_used_at=utc_now() - timedelta(days=90))
    again = make_customer(make_user(email=after))
    assert (had_trial(db, again), again.email) == (expected, after)


def test_an_address_that_was_changed_since_counts_as_well(db):
    make_customer(make_user(email="ada+old@example.com"), trial_used_at=utc_now())
    other = make_customer(make_user(email="bob@example.com"))
    with SessionLocal() as session, session.begin():
        session.get_one(Customer, other.id).email = "ada@example.com"
    db.expire_all()
    assert had_trial(db, db.get_one(Customer, other.id))


def test_a_row_of_an_early_version_still_counts(db):
    """An early version stored the digest of the address as it was typed."""
    key = kept_key(db, customers.PERSON)
    early = hmac.digest(key, b"ada+x@example.com", "sha256").hex()
    make_customer(make_user(email="ada+x@example.com"), person=early, trial_used_at=utc_now())
    again = make_customer(make_user(email="gone@example.com"), email="ada+x@example.com")
    assert had_trial(db, again)


def test_a_checkout_of_the_same_mailbox_begins_without_trial(client, sold_plans, login):
    make_customer(
        make_user(email="grace.hopper@gmail.com"), trial_used_at=utc_now() - timedelta(days=90)
    )
    login(make_user(email="gracehopper+2@gmail.com"))
    assert client.post("/payments/checkout", json={"plan": "pro"}).status_code == 201
    with SessionLocal() as db:
        assert db.scalars(select(CheckoutAttempt.trial_days)).all() == [0]


def test_an_open_checkout_of_the_same_mailbox_holds_the_trial(client, sold_plans, login):
    """Both sessions could be paid, and each would begin a trial."""
    for email in ("grace.hopper@gmail.com", "gracehopper+2@gmail.com", "ada@example.com"):
        login(make_user(email=email))
        assert begin(client, "pro").status_code == 201
    assert [bool(one.trial_days) for one in attempts()] == [True, False, True]


def test_the_trial_is_free_again_when_that_checkout_has_ended(
    client, sold_plans, login, stripe_side
):
    first = login(make_user(email="ada@example.com"))
    stripe_side.api.checkout.sessions.expire(begin(client, "pro").json()["session_id"])
    told(client, stripe_side, first)
    login(make_user(email="ada+2@example.com"))
    assert begin(client, "pro").status_code == 201
    assert all(one.trial_days for one in attempts())


def offer(user_id, plan_id):
    """Begin a checkout attempt in a separate transaction, as a checkout does."""
    with SessionLocal() as db, db.begin():
        user, plan = db.get_one(User, user_id), db.get_one(Plan, plan_id)
        payer_row = db.scalars(select(Customer).where(Customer.user_id == user_id)).one()
        attempt = checkout.begin_attempt(db, user, payer_row, plan, None)
        assert attempt
        return attempt.trial_days


def test_two_accounts_at_once_get_one_trial(committed, stripe_side):
    sell_plans()
    users = [make_user(email=f"ada+{number}@example.com") for number in (1, 2)]
    for user in users:
        make_customer(user)
    with SessionLocal() as db:
        plan = db.scalars(select(Plan).where(Plan.slug == "pro")).one()
    with ThreadPoolExecutor(2) as threads:
        offers = [threads.submit(offer, user.id, plan.id) for user in users]
        days = sorted(one.result(60) for one in offers)
    assert days == [0, plan.trial_days]


@pytest.mark.only("postgresql", "mysql")
def test_the_second_account_waits_for_the_first_ones_commit(committed, stripe_side):
    sell_plans()
    first, second = (make_user(email=f"ada+{number}@example.com") for number in (1, 2))
    make_customer(second)
    with SessionLocal() as db, ThreadPoolExecutor(1) as threads:
        plan = db.scalars(select(Plan).where(Plan.slug == "pro")).one()
        assert not had_trial(db, db.merge(make_customer(first)))
        waiting = threads.submit(offer, second.id, plan.id)
        with pytest.raises(StillWaiting):
            waiting.result(0.3)
        db.rollback()
        assert waiting.result(60) == plan.trial_days


def subscriptions():
    with SessionLocal() as db:
        return list(db.scalars(select(Subscription)))


def trial_end(side, answer):
    side.pay(answer.json()["url"])
    subscription = session_of(side, answer).subscription
    return side.api.subscriptions.retrieve(subscription).trial_end


def test_a_trial_is_given_once(client, buyer, stripe_side):
    """Edge case: one trial per person."""
    assert trial_end(stripe_side, begin(client, "pro")) is not None
    told(client, stripe_side, buyer)
    (row,) = subscriptions()
    assert row.status == "trialing"
    stripe_side.api.subscriptions.cancel(row.stripe_id)
    told(client, stripe_side, buyer)
    assert trial_end(stripe_side, begin(client, "pro")) is None


def test_a_new_account_with_a_known_address_gets_no_second_trial(client, buyer, stripe_side):
    """Edge case: one trial per person."""
    before = make_customer(
        make_user(email="old@example.org"), trial_used_at=utc_now() - timedelta(days=90)
    )
    with SessionLocal() as db, db.begin():
        same = payer(buyer).person
        db.execute(update(Customer).where(Customer.id == before.id).values(person=same))
    begin(client, "pro")
    assert attempts()[0].trial_days == 0
