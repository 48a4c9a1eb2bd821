"""A payer has two halves: our row and Stripe's customer.

However often it is started, there is one of each.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import Conflict
from app.db import clock
from app.db.database import end_before_waiting, side_session
from app.db.demands import demand_again
from app.db.errors import conflicts
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


class _MadeMeanwhile(Conflict):
    """Another request of this user was quicker. Never leaves this module."""


def ensure_customer(db: Session, user: User) -> Customer:
    """Return the payer, known to Stripe.

    The transaction ends, because Stripe is called if it does not know the payer or has
    another address. Raises `PaymentsUnavailable`, and can then be called again.
    """
    customer = db.scalar(queries.customer_of(user)) or _insert(db, user)
    if customer.gone_at is not None:
        _begin_anew(db, customer, user)
    if customer.stripe_id is None:
        at = clock.read(db)
        customer.creation_asked_at = customer.creation_asked_at or at
        end_before_waiting(db)
        _write_down(db, customer, stripe_id=_create(customer, at))
    if customer.email != user.email:
        _update_email(db, customer, user.email)
    end_before_waiting(db)
    return customer


def _update_email(db: Session, customer: Customer, email: str) -> None:
    assert customer.stripe_id
    end_before_waiting(db)
    try:
        gateway.update_email(customer.stripe_id, email)
    except StripeRefused:
        demand_again(db)  # if the account was deleted, so was the customer
        raise
    _write_down(db, customer, email=email)


def _write_down(
    db: Session, customer: Customer, *, stripe_id: str | None = None, email: str | None = None
) -> None:
    """Store Stripe's response, even if the account has been deleted meanwhile.

    If it has, Stripe is made to forget the customer again. Raises what `demand_again`
    raises. What was written stays.
    """
    db.refresh(customer, with_for_update=True)
    customer.stripe_id = customer.stripe_id or stripe_id
    customer.email = email or customer.email
    if forgetting.is_orphan(db, customer):
        forgetting.forget_soon(db, customer)
    end_before_waiting(db)
    demand_again(db)


def send_email(db: Session, customer_id: int) -> None:
    """Send Stripe the address that the payer's account has now.

    `db` must not have begun a transaction. A payer whom Stripe does not know yet is
    created there later, with the address at that time.
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
        # The address has changed again meanwhile.
        enqueue(db, "payments.send_email", {"customer_id": customer_id})


def _insert(db: Session, user: User) -> Customer:
    customer = Customer(
        user_id=user.id,
        creation_key=uuid4().hex,
        email=user.email,
        person=person_of(db, user.email),
    )
    try:
        with db.begin_nested(), conflicts({"uq_customers_user_id": _MadeMeanwhile}):
            db.add(customer)
            db.flush()
    except _MadeMeanwhile:
        return db.scalars(queries.customer_of(user)).one()
    return customer


def _begin_anew(db: Session, customer: Customer, user: User) -> None:
    """Prepare for a new customer at Stripe after the old one was deleted there.

    The history of the deleted customer stays in our tables.
    """
    db.refresh(customer, with_for_update=True)
    if customer.gone_at is not None:
        customer.stripe_id = customer.gone_at = customer.creation_asked_at = None
        customer.creation_key, customer.email = uuid4().hex, user.email
        attempts = update(CheckoutAttempt).where(CheckoutAttempt.open_customer_id == customer.id)
        db.execute(attempts.values(open_customer_id=None, closed_at=clock.now()))
        # Nobody can pay these invoices any more, and no look at Stripe will see them.
        owed = update(Invoice).where(
            Invoice.customer_id == customer.id, Invoice.status.in_(queries.UNFINISHED)
        )
        db.execute(owed.values(status="void", next_attempt_at=None))
        db.flush()


def _create(customer: Customer, at: datetime) -> str:
    """Create the customer at Stripe with the stored key.

    If Stripe may have forgotten the key, first look for a customer that was made with
    it.
    """
    key, email = customer.creation_key, customer.email
    assert customer.creation_asked_at
    forgotten = customer.creation_asked_at < at - KEY_LIFE
    return (
        gateway.find_customer(key=key, email=email) if forgotten else None
    ) or gateway.create_customer(key=key, email=email)


def keep_person_key(db: Session) -> None:
    """Store the key for digests of persons before `SECRET_KEY` changes.

    A purchase stores it, too. But nobody may have bought anything since this code was
    deployed.
    """
    kept_key(db, PERSON)


def person_of(db: Session, email: str) -> str:
    """Return a digest that is the same for every spelling of a mailbox.

    It stays the same when an account is deleted and created again. The address cannot
    be derived from it.
    """
    return _digest(db, mailbox_of(email))


def _digest(db: Session, address: str) -> str:
    return hmac.new(kept_key(db, PERSON), address.encode(), hashlib.sha256).hexdigest()


def mailbox_of(email: str) -> str:
    """Return the address without what its mailbox ignores.

    So nobody becomes another person by spelling the address differently. Whatever
    follows a plus sign is a tag nearly everywhere (RFC 5233). Gmail also ignores dots
    and has two domains: https://support.google.com/mail/answer/7436150 and
    https://support.google.com/mail/answer/10313.
    """
    local, _, domain = email.lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in GMAIL:
        local, domain = local.replace(".", "") or local, GMAIL[0]
    return f"{local}@{domain}"


def had_trial(db: Session, customer: Customer) -> bool:
    """Return whether this person has had a trial, with this account or an earlier one.

    The address at the time and the current address both count. Rows of early versions
    have the digest of the address as it was spelled.
    """
    keys = {customer.person}
    if customer.email:
        keys |= {person_of(db, customer.email), _digest(db, customer.email)}
    used = select(Customer.id).where(Customer.person.in_(keys), Customer.trial_used_at.is_not(None))
    return db.scalar(used.limit(1)) is not None


def open_portal(db: Session, user: User, return_url: str) -> str:
    """Return the page on which the payer manages cards and invoices. Raises
    `NoCustomer`, `PaymentsUnavailable`.
    """
    customer = db.scalar(queries.customer_of(user))
    if customer is None or customer.stripe_id is None or customer.gone_at is not None:
        raise NoCustomer
    end_before_waiting(db)
    try:
        return gateway.open_portal(customer.stripe_id, return_url)
    finally:
        # Stripe cannot revoke a portal session. If the caller may no longer ask, nobody
        # sees this one, and it ends with its customer, or unused.
        demand_again(db)
