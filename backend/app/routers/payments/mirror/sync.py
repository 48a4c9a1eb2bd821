"""Sync makes a payer's rows equal to Stripe's objects. No other code changes the rows.

No transaction may be open during a call to Stripe, so a lock cannot cover both the call
and the write. Without further precautions, an old response could overwrite a newer one:

    sync 1                               sync 2
    asks Stripe: active
                                         (the payer cancels)
                                         asks Stripe: canceled
                                         writes canceled
    writes active: wrong until the next event

Numbers prevent this. A sync takes the payer's next number before it calls Stripe. The
sync then locks the payer's row, and writes only if no sync with a higher number has
written. In the diagram, sync 2 has the higher number, so sync 1 writes nothing. If a
sync took its number after the call, the older response could get the higher number.

Every change at Stripe sends an event, and every event starts another sync. So the last
sync to write began after the last change. The order of the events does not matter,
which is necessary, because Stripe does not guarantee an order
(https://docs.stripe.com/webhooks#event-ordering).
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db import clock
from app.db.database import side_session
from app.platform.jobs import enqueue
from app.routers.payments import gateway
from app.routers.payments.alarms import raise_alarm
from app.routers.payments.gateway import SeenInvoice, SeenPayer, SeenSubscription
from app.routers.payments.models import CheckoutAttempt, Customer, Invoice, Plan, Subscription
from app.routers.payments.queries import CURRENT, LIVE

from . import emails, forgetting, timeline

SUBSCRIPTION_COLUMNS = {
    field.name
    for field in fields(SeenSubscription)
    if field.name not in ("id", "item_id", "price_id", "attempt", "pay_url")
}
# `None` means that Stripe's response did not include the field
NOT_ALWAYS_SEEN = ("has_payment_method", "discounts")
INVOICE_COLUMNS = {
    field.name
    for field in fields(SeenInvoice)
    if field.name not in ("id", "subscription_id", "needs_action", "reason")
}


@dataclass(frozen=True)
class Ticket:
    """The right to store what is read from Stripe after the ticket was taken.

    A ticket expires once the holder of a later ticket has stored something.
    """

    customer_id: int
    number: int
    stripe_id: str | None
    session_id: str | None  # the open checkout's session, if known


def take_ticket(customer_id: int) -> Ticket:
    """Take a ticket before a call to Stripe, in a separate transaction.

    No other transaction may be open.
    """
    with side_session() as side:
        side.execute(
            update(Customer)
            .where(Customer.id == customer_id)
            .values(last_ticket=Customer.last_ticket + 1)
        )
        customer = side.execute(
            select(Customer.last_ticket, Customer.stripe_id).where(Customer.id == customer_id)
        ).one()
        session = select(CheckoutAttempt.stripe_id).where(
            CheckoutAttempt.open_customer_id == customer_id
        )
        return Ticket(customer_id, customer.last_ticket, customer.stripe_id, side.scalar(session))


def sync_payer(db: Session, customer_id: int) -> None:
    """Read everything about this payer from Stripe, and update our rows.

    `db` must not have begun a transaction.
    """
    ticket = take_ticket(customer_id)
    if ticket.stripe_id is None:
        return
    seen = gateway.read_payer(ticket.stripe_id, ticket.session_id)
    write_payer(db, ticket, seen)


def sync_payer_soon(db: Session, customer_id: int, *, after: timedelta = timedelta()) -> None:
    """Queue a job that syncs this payer after this transaction is committed."""
    enqueue(db, "payments.sync_payer", {"customer_id": customer_id}, after=after)


def write_payer(db: Session, ticket: Ticket, seen: SeenPayer) -> None:
    customer = _locked(db, ticket)
    if customer is None:
        return
    if seen.is_gone:
        customer.gone_at, customer.email = customer.gone_at or clock.now(), ""
    else:
        customer.gone_at, customer.email = None, seen.email or customer.email
        customer.test_clock = seen.test_clock
    rows = _write_subscriptions(db, customer, seen.subscriptions)
    _write_arrears(rows, seen)
    if seen.is_gone:
        _end_all(rows)
    _write_invoices(db, customer, rows, seen.invoices)
    _close_attempt(db, customer, ticket, seen)
    db.flush()
    if forgetting.is_orphan(db, customer):
        # Stripe has data that we did not know about when the account was deleted.
        forgetting.forget_soon(db, customer)
    emails.queue_due_emails(db, customer, rows, seen)


def write_subscription(db: Session, ticket: Ticket, seen: SeenSubscription) -> None:
    """Write Stripe's response to our change of a subscription.

    A job then reads the payer's other objects.
    """
    sync_payer_soon(db, ticket.customer_id)
    customer = _locked(db, ticket)
    if customer is not None:
        _write_subscriptions(db, customer, [seen])
        db.flush()


def _locked(db: Session, ticket: Ticket) -> Customer | None:
    """Return the payer's row, locked, or `None` if this ticket may no longer write.

    A later sync may already have written, or the payer may have a new Stripe customer.
    """
    whole = select(Customer).where(Customer.id == ticket.customer_id)
    customer = db.scalars(whole.with_for_update().execution_options(populate_existing=True)).one()
    if customer.seen >= ticket.number or customer.stripe_id != ticket.stripe_id:
        return None
    customer.seen = ticket.number
    return customer


def _write_subscriptions(
    db: Session, customer: Customer, seen: list[SeenSubscription]
) -> dict[str, Subscription]:
    """Write the subscriptions, and return all of the payer's rows by Stripe id."""
    mine = select(Subscription).where(Subscription.customer_id == customer.id)
    rows = {
        row.stripe_id: row for row in db.scalars(mine.execution_options(populate_existing=True))
    }
    prices = [one.price_id for one in seen]
    plans = {
        plan.stripe_price_id: plan.id
        for plan in db.scalars(select(Plan).where(Plan.stripe_price_id.in_(prices)))
    }
    for one in seen:
        row = rows.setdefault(one.id, Subscription(customer_id=customer.id, stripe_id=one.id))
        if one.price_id not in plans and row.stripe_price_id != one.price_id:
            raise_alarm("unknown_price", subscription=one.id, price=one.price_id)
        row.stripe_item_id, row.stripe_price_id, row.plan_id = (
            one.item_id,
            one.price_id,
            plans.get(one.price_id),
        )
        for name in SUBSCRIPTION_COLUMNS:
            if name not in NOT_ALWAYS_SEEN or getattr(one, name) is not None:
                setattr(row, name, getattr(one, name))
        row.has_payment_method, row.discounts = bool(row.has_payment_method), row.discounts or []
        if one.trial_start and customer.trial_used_at is None:
            customer.trial_used_at = one.trial_start
        db.add(row)
        timeline.record_subscription(db, customer, row)
    _choose_live(db, customer, rows, {one.id: one.attempt for one in seen})
    return rows


def _choose_live(
    db: Session, customer: Customer, rows: dict[str, Subscription], attempts: dict[str, str | None]
) -> None:
    """Set `live_customer_id` in the payer's oldest live subscription.

    A second live subscription is a mistake. If our checkout created the second one, it
    is cancelled and refunded.
    """
    live = sorted(
        (row for row in rows.values() if row.status in LIVE),
        key=lambda row: (row.started_at, row.stripe_id),
    )
    for row in rows.values():
        if row not in live[:1]:
            row.live_customer_id = None
    # `live_customer_id` is unique, so it must be cleared in one row before it is set in
    # another.
    db.flush()
    if live:
        live[0].live_customer_id = customer.id
        db.flush()
    for extra in live[1:]:
        raise_alarm(
            "second_subscription", customer=customer.stripe_id, subscription=extra.stripe_id
        )
        if attempts.get(extra.stripe_id):
            enqueue(
                db,
                "payments.end_duplicate",
                {"subscription": extra.stripe_id},
                key=f"duplicate {extra.stripe_id}",
            )


def _end_all(rows: dict[str, Subscription]) -> None:
    """End all subscriptions of a payer whose customer was deleted at Stripe.

    All subscriptions of such a customer have ended, even if Stripe does not report the
    end of each.
    """
    for row in rows.values():
        if row.status in CURRENT:
            row.status, row.live_customer_id, row.past_due_since = "canceled", None, None
            row.ended_at = row.canceled_at = row.ended_at or clock.now()
            row.cancel_at, row.cancel_at_period_end, row.pending_update_until = None, False, None
            row.pause_behavior = row.pause_until = row.previewed_price_id = None
            row.schedule_id = row.scheduled_price_id = row.scheduled_at = None


def _write_invoices(
    db: Session, customer: Customer, subscriptions: dict[str, Subscription], seen: list[SeenInvoice]
) -> None:
    """Write the invoices, and delete drafts that Stripe no longer has.

    At Stripe, only drafts can be deleted.
    """
    mine = select(Invoice).where(Invoice.customer_id == customer.id)
    rows = {
        row.stripe_id: row for row in db.scalars(mine.execution_options(populate_existing=True))
    }
    for one in seen:
        row = rows.pop(one.id, None) or Invoice(stripe_id=one.id, customer_id=customer.id)
        subscription = subscriptions.get(one.subscription_id or "")
        row.subscription_id = subscription.id if subscription else None
        if one.dispute and one.dispute != row.dispute:
            raise_alarm("dispute", invoice=one.id, status=one.dispute)
        for name in INVOICE_COLUMNS:
            setattr(row, name, getattr(one, name))
        db.add(row)
        timeline.record_invoice(db, customer, row)
    for row in rows.values():
        if row.status == "draft":
            db.delete(row)


def _write_arrears(rows: dict[str, Subscription], seen: SeenPayer) -> None:
    for one in seen.subscriptions:
        rows[one.id].past_due_since = owes_since(one, seen.invoices)


def owes_since(subscription: SeenSubscription, invoices: list[SeenInvoice]) -> datetime | None:
    """Return the time at which a subscription became past due, or `None`.

    The grace period starts at this time, which does not depend on when we ask Stripe.
    """
    if subscription.status not in ("past_due", "unpaid"):
        return None
    owed = [
        invoice.finalized_at or invoice.created_at
        for invoice in invoices
        if invoice.subscription_id == subscription.id
        and invoice.status == "open"
        and invoice.attempts
    ]
    return min(owed, default=subscription.current_period_start)


def _close_attempt(db: Session, customer: Customer, ticket: Ticket, seen: SeenPayer) -> None:
    """Close the checkout attempt if its session can no longer be paid, so that the
    payer can begin another.
    """
    attempt = db.scalar(
        select(CheckoutAttempt).where(CheckoutAttempt.open_customer_id == customer.id)
    )
    if attempt is None:
        return
    session = seen.session if attempt.stripe_id == ticket.session_id else None
    over = session is not None and session.status != "open"
    if over or attempt.key in {one.attempt for one in seen.subscriptions}:
        attempt.open_customer_id, attempt.closed_at = None, clock.now()
