"""If an account gets a new email address, Stripe gets the address immediately. The last
address wins.
"""

import pytest
from sqlalchemy import select

from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.auth.accounts import own_account
from app.routers.auth.credentials import client, one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import User
from app.routers.payments import gateway
from app.routers.payments.models import Customer
from app.routers.payments.selling import customers
from tests.auth.factories import make_user
from tests.payments.factories import make_customer
from tests.payments.steps import payer, work

HERE = client.Client("192.0.2.1", "tests")


def move(user, email):
    """Change the address with the link in the email."""
    with SessionLocal() as db, db.begin():
        link = one_time_tokens.issue(
            db, Purpose.CHANGE_EMAIL, user_id=user.id, data={"email": email}
        )
        own_account.confirm_email_change(db, link, HERE)


def at_stripe(side, customer):
    return side.api.customers.retrieve(customer.stripe_id).email


def ours(customer):
    with SessionLocal() as db:
        return db.scalars(select(Customer.email).where(Customer.id == customer.id)).one()


def test_stripe_gets_a_new_address_at_once(db, stripe_side):
    user = make_user()
    customer = payer(user)
    move(user, "new@example.org")
    work()
    assert at_stripe(stripe_side, customer) == ours(customer) == "new@example.org"


def test_an_address_changed_during_the_update_is_sent_again(committed, stripe_side, monkeypatch):
    user = make_user()
    customer = payer(user)
    real = gateway.update_email

    def slow(stripe_id, email):
        if email == "one@example.org":
            move(user, "two@example.org")
            another_worker_tells(customer)
        real(stripe_id, email)

    def another_worker_tells(customer):
        with SessionLocal() as db, db.begin():
            customers.send_email(db, customer.id)
            db.query(Job).filter_by(kind="payments.send_email", lease=None).delete()

    monkeypatch.setattr(gateway, "update_email", slow)
    move(user, "one@example.org")
    work()
    assert at_stripe(stripe_side, customer) == ours(customer) == "two@example.org"


@pytest.mark.parametrize(
    "columns", [{"stripe_id": None}, {"gone": True}, {"email": "new@example.org"}]
)
def test_where_stripe_need_not_know_it_is_not_asked(committed, billing, columns):
    """Stripe's address in these settings is unreachable, so a call would fail."""
    from app.core.types import utc_now

    gone = {"gone_at": utc_now()} if columns.pop("gone", None) else {}
    user = make_user()
    customer = make_customer(user, **columns, **gone)
    move(user, "new@example.org")
    with SessionLocal() as db, db.begin():
        customers.send_email(db, customer.id)


def test_stripe_gets_no_address_of_an_account_deleted_meanwhile(
    committed, stripe_side, monkeypatch
):
    user = make_user()
    customer = payer(user)
    real = gateway.update_email

    def overtaken(stripe_id, email):
        real(stripe_id, email)
        with SessionLocal() as db, db.begin():
            db.get_one(User, user.id).email = "gone@deleted.invalid"

    monkeypatch.setattr(gateway, "update_email", overtaken)
    move(user, "new@example.org")
    work()
    assert stripe_side.api.customers.retrieve(customer.stripe_id).deleted
    assert ours(customer) == ""
