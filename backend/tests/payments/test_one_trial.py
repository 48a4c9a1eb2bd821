"""A person gets one trial. Another spelling of an address is not another person."""

import hmac
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform.kept_keys import kept_key
from app.routers.payments.models import CheckoutAttempt, Customer
from app.routers.payments.selling import customers
from app.routers.payments.selling.customers import had_trial, mailbox_of
from tests.auth.factories import make_user
from tests.payments.factories import make_customer

MAILBOXES = [
    ("ada@example.com", "ada@example.com"),
    ("ada+trial@example.com", "ada@example.com"),
    ("ada+a+b@example.com", "ada@example.com"),
    ("a.da@example.com", "a.da@example.com"),  # dots count elsewhere
    ("ada-trial@example.com", "ada-trial@example.com"),  # so do dashes
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
