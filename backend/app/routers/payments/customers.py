"""A payer's two halves: our row and Stripe's customer. However often it is begun, there is one of each."""

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

from . import forgetting, gateway, queries
from .gateway import StripeRefused
from .models import CheckoutAttempt, Customer, Invoice

PERSON = "one trial per person"
GMAIL = ("gmail.com", "googlemail.com")
KEY_LIFE = timedelta(hours=23)  # Stripe keeps an Idempotency-Key for 24 hours


class NoCustomer(Conflict):
    """Nothing was ever bought, so there is nothing to manage."""

    code = "no_customer"
    detail = "There is nothing to manage yet. Subscribe to a plan first."


class _MadeMeanwhile(Conflict):
    """Never leaves this module: another request of this user was quicker."""


def ensure_customer(db: Session, user: User) -> Customer:
    """The payer, known to Stripe. Raises `PaymentsUnavailable`, and can then be asked again.

    Its transaction ends: Stripe is asked where it does not know the payer, or not by this address.
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
        demand_again(db)  # where the account was deleted, so was the customer
        raise
    _write_down(db, customer, email=email)


def _write_down(db: Session, customer: Customer, *, stripe_id: str | None = None, email: str | None = None) -> None:
    """Keep what Stripe answered, also where the account was deleted meanwhile: then Stripe forgets it again.

    Raises what `demand_again` raises; what was written stands.
    """
    db.refresh(customer, with_for_update=True)
    customer.stripe_id = customer.stripe_id or stripe_id
    customer.email = email or customer.email
    if forgetting.is_orphan(db, customer):
        forgetting.forget_soon(db, customer)
    end_before_waiting(db)
    demand_again(db)


def send_email(db: Session, customer_id: int) -> None:
    """Have Stripe know the payer by the address that their account has now. `db` must not have begun a transaction.

    A payer whom Stripe does not know yet becomes known there with the address of that moment.
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
        enqueue(db, "payments.send_email", {"customer_id": customer_id})  # it has changed again meanwhile


def _insert(db: Session, user: User) -> Customer:
    customer = Customer(user_id=user.id, creation_key=uuid4().hex, email=user.email, person=person_of(db, user.email))
    try:
        with db.begin_nested(), conflicts({"uq_customers_user_id": _MadeMeanwhile}):
            db.add(customer)
            db.flush()
    except _MadeMeanwhile:
        return db.scalars(queries.customer_of(user)).one()
    return customer


def _begin_anew(db: Session, customer: Customer, user: User) -> None:
    """Somebody deleted the customer at Stripe: its past stays ours, the next one is another there."""
    db.refresh(customer, with_for_update=True)
    if customer.gone_at is not None:
        customer.stripe_id = customer.gone_at = customer.creation_asked_at = None
        customer.creation_key, customer.email = uuid4().hex, user.email
        attempts = update(CheckoutAttempt).where(CheckoutAttempt.open_customer_id == customer.id)
        db.execute(attempts.values(open_customer_id=None, closed_at=clock.now()))
        # Nobody can pay these any more, and no look will see them.
        owed = update(Invoice).where(Invoice.customer_id == customer.id, Invoice.status.in_(queries.UNFINISHED))
        db.execute(owed.values(status="void", next_attempt_at=None))
        db.flush()


def _create(customer: Customer, at: datetime) -> str:
    """With the key that was kept before. Where Stripe may have forgotten it, first look whether it was used."""
    key, email = customer.creation_key, customer.email
    assert customer.creation_asked_at
    forgotten = customer.creation_asked_at < at - KEY_LIFE
    return (gateway.find_customer(key=key, email=email) if forgotten else None) or gateway.create_customer(
        key=key, email=email
    )


def keep_person_key(db: Session) -> None:
    """Before `SECRET_KEY` is changed for the first time, though nobody may have bought since this code came."""
    kept_key(db, PERSON)


def person_of(db: Session, email: str) -> str:
    """The same for every spelling of a mailbox, also when its account was deleted and made again.

    It does not tell the address.
    """
    return _digest(db, mailbox_of(email))


def _digest(db: Session, address: str) -> str:
    return hmac.new(kept_key(db, PERSON), address.encode(), hashlib.sha256).hexdigest()


def mailbox_of(email: str) -> str:
    """An address without what its mailbox ignores, so that nobody is another person for writing it otherwise.

    Whatever follows a plus sign is a tag nearly everywhere (RFC 5233). Gmail ignores dots, too, and has two domains:
    https://support.google.com/mail/answer/7436150 and https://support.google.com/mail/answer/10313.
    """
    local, _, domain = email.lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in GMAIL:
        local, domain = local.replace(".", "") or local, GMAIL[0]
    return f"{local}@{domain}"


def had_trial(db: Session, customer: Customer) -> bool:
    """Whether this person had one, with this account or an earlier one, by the address then or the address now.

    Rows of early versions have the digest of the address as it was written.
    """
    keys = {customer.person}
    if customer.email:
        keys |= {person_of(db, customer.email), _digest(db, customer.email)}
    used = select(Customer.id).where(Customer.person.in_(keys), Customer.trial_used_at.is_not(None))
    return db.scalar(used.limit(1)) is not None


def open_portal(db: Session, user: User, return_url: str) -> str:
    """Where the payer manages cards and invoices. Raises `NoCustomer`, `PaymentsUnavailable`."""
    customer = db.scalar(queries.customer_of(user))
    if customer is None or customer.stripe_id is None or customer.gone_at is not None:
        raise NoCustomer
    end_before_waiting(db)
    try:
        return gateway.open_portal(customer.stripe_id, return_url)
    finally:
        # Stripe takes no portal session back. This one is shown to nobody, and ends with its customer, or unused.
        demand_again(db)
