"""Mails about money. Each is sent once for its occasion, whatever events come and how often.

They follow from what Stripe's objects say, not from events: an event that was lost costs nobody a mail, since whatever
makes us look next finds the occasion.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.platform.mail import queue_mail
from app.routers.auth.models import User

from .clock import payments_now
from .entitlements import grace_ends_at
from .gateway import SeenInvoice
from .models import Customer, Notice, Plan, Subscription

NEWS = timedelta(days=3)  # what is older is no news: the past of a payer is read without a word
BEFORE_TRIAL_END = timedelta(days=3, hours=1)  # Stripe reminds three days before
WITHOUT_MINOR_UNIT = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())  # noqa: SIM905 - a list of codes reads best so
IN_THOUSANDTHS = frozenset("bhd jod kwd omr tnd".split())  # noqa: SIM905 - the same


def send(db: Session, customer: Customer, rows: dict[str, Subscription], invoices: list[SeenInvoice]) -> None:
    """Queue what there is to say. The payer's row is locked, so nobody else says it now."""
    user = db.get(User, customer.user_id) if customer.user_id else None
    if user is None or not user.is_active:
        return
    post = _Post(db, customer, user)
    for invoice in sorted(invoices, key=lambda one: one.created_at):
        _about_invoice(post, invoice, rows.get(invoice.subscription_id or ""))
    for row in rows.values():
        _about_subscription(post, row)


class _Post:
    """Mails to one payer."""

    def __init__(self, db: Session, customer: Customer, user: User) -> None:
        self.db = db
        self.now = payments_now(db)
        self._customer = customer
        self._user = user

    def mail(self, occasion: str, template: str, **values: Any) -> None:
        if self.db.scalar(select(Notice.id).where(Notice.key == occasion)) is not None:
            return
        self.db.add(Notice(customer_id=self._customer.id, key=occasion))
        link = f"{get_settings().frontend_url}/billing"
        queue_mail(
            self.db, self._user.email, f"payments/{template}", username=self._user.username, billing=link, **values
        )


def _about_invoice(post: _Post, invoice: SeenInvoice, subscription: Subscription | None) -> None:
    if invoice.status == "paid" and invoice.amount_paid and invoice.paid_at and invoice.paid_at > post.now - NEWS:
        amount = money(invoice.amount_paid, invoice.currency)
        link = invoice.invoice_pdf or invoice.hosted_invoice_url
        post.mail(f"receipt {invoice.id}", "receipt", amount=amount, number=invoice.number, link=link)
    if invoice.status != "open" or not invoice.attempts or subscription is None:
        return
    amount = money(invoice.amount_due, invoice.currency)
    occasion = f"{invoice.id} {invoice.attempts}"  # each try that failed is one
    if invoice.needs_action:
        post.mail(f"action {occasion}", "action_required", amount=amount, link=invoice.hosted_invoice_url)
    elif ends_at := grace_ends_at(subscription):
        days = max(0, (ends_at - post.now).days)
        post.mail(
            f"failed {occasion}", "payment_failed", amount=amount, link=invoice.hosted_invoice_url, days_left=days
        )


def _about_subscription(post: _Post, row: Subscription) -> None:
    if row.live_customer_id is None:
        return
    plan = post.db.get(Plan, row.plan_id) if row.plan_id else None
    name = plan.name if plan else "your plan"
    ends = row.trial_end
    goes_on = not row.cancel_at_period_end and row.cancel_at is None
    if row.status == "trialing" and ends and goes_on and ends - BEFORE_TRIAL_END <= post.now < ends:
        price = f"{money(plan.amount, plan.currency)} per {plan.interval}" if plan else None
        values = {"plan": name, "day": day(ends), "price": price, "has_card": row.has_payment_method}
        post.mail(f"trial {row.stripe_id} {int(ends.timestamp())}", "trial_ending", **values)
    elif row.status == "active" and goes_on and not row.has_payment_method:
        period = int(row.current_period_end.timestamp())
        post.mail(f"card {row.stripe_id} {period}", "card_missing", plan=name, day=day(row.current_period_end))


def money(amount: int, currency: str) -> str:
    """`12.00 EUR`: minor units, of which some currencies have none, and some a thousand."""
    places = 0 if currency in WITHOUT_MINOR_UNIT else 3 if currency in IN_THOUSANDTHS else 2
    return f"{Decimal(amount).scaleb(-places):,} {currency.upper()}"


def day(moment: datetime) -> str:
    return f"{moment:%d %B %Y}".lstrip("0")
