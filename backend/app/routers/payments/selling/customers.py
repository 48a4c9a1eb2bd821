"""Payers: our rows, and Stripe's customers.

Each user gets one row and one customer, even if several requests try to create them at
the same time.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import Conflict
from app.db import clock
from app.db.database import commit_step, side_session
from app.db.demands import demand_again
from app.db.insertion import insert_if_absent
from app.db.locks import wait_for_turn
from app.platform.jobs import enqueue
from app.platform.kept_keys import kept_key
from app.routers.auth.models import User
from app.routers.payments import gateway, queries
from app.routers.payments.gateway import StripeRefused
from app.routers.payments.mirror import forgetting
from app.routers.payments.models import CheckoutAttempt, Customer, Invoice

PERSON = "one trial per person"
GMAIL = ("gmail.com", "googlemail.com")
KEY_LIFE = timedelta(hours=23)  # Stripe keeps an Idempotency-Key for 24 hours


class NoCustomer(Conflict):
    """The user has never bought anything, so there is nothing to manage."""

    code = "no_customer"
    detail = "There is nothing to manage yet. Subscribe to a plan first."


def ensure_customer(db: Session, user: User) -> Customer:
    """Return the payer's row, once Stripe has the customer and the email address.

    Stripe is called only if Stripe lacks the customer or the address. This function
    commits before and after each call. After `PaymentsUnavailable`, this function can
    be called again.
    """
    customer = db.scalar(queries.customer_of(user)) or _insert(db, user)
    if customer.gone_at is not None:
        _begin_anew(db, customer, user)
    if customer.stripe_id is None:
        at = clock.read_database_time(db)
        customer.creation_asked_at = customer.creation_asked_at or at
        commit_step(db)
        _store_response(db, customer, stripe_id=_create(customer, at))
        commit_step(db)
        demand_again(db)
    if customer.email != user.email:
        commit_step(db)
        _update_email(db, customer, user.email)
        _store_response(db, customer, email=user.email)
        commit_step(db)
        demand_again(db)
    return customer


def _update_email(db: Session, customer: Customer, email: str) -> None:
    assert customer.stripe_id
    try:
        gateway.update_email(customer.stripe_id, email)
    except StripeRefused:
        demand_again(db)  # the refusal may be due to a deleted account
        raise


def _store_response(
    db: Session, customer: Customer, *, stripe_id: str | None = None, email: str | None = None
) -> None:
    """Store Stripe's response, even if the account was deleted during the call.

    If the account was deleted, a job deletes the customer at Stripe.
    """
    db.refresh(customer, with_for_update=True)
    customer.stripe_id = customer.stripe_id or stripe_id
    customer.email = email or customer.email
    if forgetting.is_orphan(db, customer):
        forgetting.forget_soon(db, customer)


def send_email(db: Session, customer_id: int) -> None:
    """Send Stripe the current address of the payer's account.

    `db` must not have begun a transaction. If Stripe does not have the customer yet,
    nothing is sent. The customer will later be created with the current address.
    """
    differs = (Customer.id == customer_id, Customer.email != User.email, ~User.is_deleted)
    known = (Customer.stripe_id.is_not(None), Customer.gone_at.is_(None))
    wanted = select(Customer.stripe_id, User.email).join(Customer.user).where(*differs, *known)
    with side_session() as side:
        found = side.execute(wanted).one_or_none()
    if found is None or not get_settings().payments_enabled:
        return
    stripe_id, email = str(found.stripe_id), found.email
    gateway.update_email(stripe_id, email)
    customer = db.get_one(Customer, customer_id, with_for_update=True)
    if customer.stripe_id == stripe_id:
        customer.email = email
    if forgetting.is_orphan(db, customer):
        forgetting.forget_soon(db, customer)
    elif db.scalar(wanted):
        # the address has changed again during the call
        enqueue(db, "payments.send_email", {"customer_id": customer_id})


def _insert(db: Session, user: User) -> Customer:
    customer = Customer(
        user_id=user.id,
        creation_key=uuid4().hex,
        email=user.email,
        person=person_of(db, user.email),
    )
    if insert_if_absent(db, customer, "uq_customers_user_id"):
        return customer
    return db.scalars(queries.customer_of(user)).one()


def _begin_anew(db: Session, customer: Customer, user: User) -> None:
    """Prepare a payer whose customer was deleted at Stripe for a new customer.

    The history of the deleted customer stays in our tables.
    """
    db.refresh(customer, with_for_update=True)
    if customer.gone_at is not None:
        customer.stripe_id = customer.gone_at = customer.creation_asked_at = None
        customer.creation_key, customer.email = uuid4().hex, user.email
        attempts = update(CheckoutAttempt).where(CheckoutAttempt.open_customer_id == customer.id)
        db.execute(attempts.values(open_customer_id=None, closed_at=clock.now()))
        # These invoices can no longer be paid, and Stripe no longer returns them.
        owed = update(Invoice).where(
            Invoice.customer_id == customer.id, Invoice.status.in_(queries.UNFINISHED)
        )
        db.execute(owed.values(status="void", next_attempt_at=None))
        db.flush()


def _create(customer: Customer, at: datetime) -> str:
    """Create the customer at Stripe with the stored key.

    If Stripe may have forgotten the key, this first searches for a customer that was
    created with it.
    """
    key, email = customer.creation_key, customer.email
    assert customer.creation_asked_at
    forgotten = customer.creation_asked_at < at - KEY_LIFE
    return (
        gateway.find_customer(key=key, email=email) if forgotten else None
    ) or gateway.create_customer(key=key, email=email)


def keep_person_key(db: Session) -> None:
    """Store the key for digests of persons before `SECRET_KEY` changes.

    A purchase also stores the key, but there may have been no purchase since this code
    was deployed.
    """
    kept_key(db, PERSON)


def person_of(db: Session, email: str) -> str:
    """Return a digest of a mailbox, the same for every spelling of its address.

    The digest stays the same when an account is deleted and created again. The address
    cannot be derived from it.
    """
    return _digest(db, mailbox_of(email))


def _digest(db: Session, address: str) -> str:
    return hmac.new(kept_key(db, PERSON), address.encode(), hashlib.sha256).hexdigest()


def mailbox_of(email: str) -> str:
    """Return the address without the parts that mail servers ignore.

    So nobody can get a second trial by spelling an address differently. Nearly all mail
    servers ignore the text after a plus sign (RFC 5233). Gmail also ignores dots
    and has two domains: https://support.google.com/mail/answer/7436150 and
    https://support.google.com/mail/answer/10313.
    """
    local, _, domain = email.lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in GMAIL:
        local, domain = local.replace(".", "") or local, GMAIL[0]
    return f"{local}@{domain}"


def had_trial(db: Session, customer: Customer) -> bool:
    """Return whether this person has had a trial, or may be about to begin one.

    Accounts of one mailbox are one person, and so are an account and an earlier,
    deleted one. The function checks both the address used for the first purchase and
    the current one. Rows from early versions have a digest of the address as it was
    spelled. Another account of this person may also have an open checkout with a trial.
    Until the transaction ends, other accounts of this person wait here, so that two
    checkouts at the same time do not both offer the trial.
    """
    keys = {customer.person}
    if customer.email:
        keys |= {person_of(db, customer.email), _digest(db, customer.email)}
    for key in sorted(keys):  # in one order, so that two payers do not wait for each other
        wait_for_turn(db, Customer.person, key)
    offers = and_(Customer.id != customer.id, CheckoutAttempt.trial_days > 0)
    found = (
        select(Customer.id)
        .outerjoin(CheckoutAttempt, CheckoutAttempt.open_customer_id == Customer.id)
        .where(Customer.person.in_(keys), or_(Customer.trial_used_at.is_not(None), offers))
    )
    return db.scalar(found.limit(1)) is not None


def open_portal(db: Session, user: User, return_url: str) -> str:
    """Return the Stripe page on which the payer manages cards and invoices.

    Raises `NoCustomer`, `PaymentsUnavailable`.
    """
    customer = db.scalar(queries.customer_of(user))
    if customer is None or customer.stripe_id is None or customer.gone_at is not None:
        raise NoCustomer
    commit_step(db)
    try:
        return gateway.open_portal(customer.stripe_id, return_url)
    finally:
        # A portal session cannot be revoked. If the caller lost the right to it during
        # the call, the session is not returned and expires unused.
        demand_again(db)
