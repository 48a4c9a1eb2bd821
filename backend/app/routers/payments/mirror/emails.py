"""Emails about money: one email per occasion, however many events arrive.

Occasions are derived from the state of Stripe's objects, not from events. So even if an
event is lost, the next sync sends the email.
"""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.platform.jobs import enqueue
from app.platform.mail import queue_mail
from app.routers.auth.models import User
from app.routers.payments.clock import payments_now
from app.routers.payments.entitlements import grace_ends_at
from app.routers.payments.gateway import SeenInvoice, SeenPayer
from app.routers.payments.models import Customer, Notice, Plan, Subscription
from app.routers.payments.plans.currencies import money

# No email is sent about older payments, so importing a payer's history sends no emails.
NEWS = timedelta(days=30)
BEFORE_TRIAL_END = timedelta(days=3, hours=1)  # Stripe sends its event three days before the end
# A payer may stay on Stripe's page this long after starting a payment there.
AT_THE_PAGE = timedelta(hours=1)
# billing reasons of invoices caused by something the payer did
ASKED_FOR = ("subscription_create", "subscription_update")


def queue_due_emails(
    db: Session, customer: Customer, rows: dict[str, Subscription], seen: SeenPayer
) -> None:
    """Queue the emails that are due.

    The payer's row is locked, so no other process queues the same emails.
    """
    user = db.get(User, customer.user_id) if customer.user_id else None
    if user is None or not user.is_active:
        return
    post = _Post(db, customer, user)
    checkouts = {one.id for one in seen.subscriptions if one.attempt and one.status == "incomplete"}
    for invoice in sorted(seen.invoices, key=lambda one: one.created_at):
        _about_payment(post, invoice)
        subscription = rows.get(invoice.subscription_id or "")
        if subscription and invoice.status == "open" and invoice.attempts:
            _about_debt(
                post, invoice, subscription, is_checkout=subscription.stripe_id in checkouts
            )
    for row in rows.values():
        if row.live_customer_id is not None:
            _about_subscription(post, row)


class _Post:
    """A sender of emails to one payer."""

    def __init__(self, db: Session, customer: Customer, user: User) -> None:
        self.db = db
        self.now = payments_now(db, customer.id)
        self._customer = customer
        self._user = user

    def mail(self, occasion: str, template: str, **values: Any) -> None:
        if self.db.scalar(select(Notice.id).where(Notice.key == occasion)) is not None:
            return
        self.db.add(Notice(customer_id=self._customer.id, key=occasion))
        link = f"{get_settings().frontend_url}/billing"
        queue_mail(
            self.db,
            self._user.email,
            f"payments/{template}",
            username=self._user.username,
            billing=link,
            **values,
        )

    def sync_again(self, occasion: str, after: timedelta) -> None:
        """Queue a job that checks later whether an email is still due."""
        payload = {"customer_id": self._customer.id}
        enqueue(self.db, "payments.sync_payer", payload, key=f"check {occasion}", after=after)


def _about_payment(post: _Post, invoice: SeenInvoice) -> None:
    if (
        invoice.status == "paid"
        and invoice.amount_paid
        and invoice.paid_at
        and invoice.paid_at > post.now - NEWS
    ):
        amount = money(invoice.amount_paid, invoice.currency)
        link = invoice.invoice_pdf or invoice.hosted_invoice_url
        post.mail(
            f"receipt {invoice.id}", "receipt", amount=amount, number=invoice.number, link=link
        )


def _about_debt(
    post: _Post, invoice: SeenInvoice, subscription: Subscription, *, is_checkout: bool
) -> None:
    amount = money(invoice.amount_due, invoice.currency)
    # each failed payment attempt is a separate occasion
    occasion = f"{invoice.id} {invoice.attempts}"
    if invoice.needs_action:
        # Stripe's page itself asks for the confirmation, so an email sent now would
        # arrive while the payer is on that page. If the payer abandons a checkout,
        # nothing was bought and no email is sent. If the payer abandons a plan change,
        # a reminder is sent later.
        left_page_at = (invoice.finalized_at or invoice.created_at) + AT_THE_PAGE
        if is_checkout:
            return
        if invoice.reason in ASKED_FOR and post.now < left_page_at:
            post.sync_again(f"action {occasion}", left_page_at - post.now)
            return
        post.mail(
            f"action {occasion}", "action_required", amount=amount, link=invoice.hosted_invoice_url
        )
    elif ends_at := grace_ends_at(subscription):
        days = max(0, (ends_at - post.now).days)
        post.mail(
            f"failed {occasion}",
            "payment_failed",
            amount=amount,
            link=invoice.hosted_invoice_url,
            days_left=days,
        )


def _about_subscription(post: _Post, row: Subscription) -> None:
    plan = post.db.get(Plan, row.plan_id) if row.plan_id else None
    name = plan.name if plan else "your plan"
    ends = row.trial_end
    if (
        row.status == "trialing"
        and ends
        and ends - BEFORE_TRIAL_END <= post.now < ends
        and _is_charged_at(row, ends)
    ):
        occasion = f"trial {row.stripe_id} {int(ends.timestamp())}"
        following = _plan_from(post, row, ends) or plan
        post.mail(
            occasion, "trial_ending", plan=name, day=day(ends), **_after_trial(row, following, ends)
        )
    elif row.status == "active" and _lacks_card(
        row, _plan_from(post, row, row.current_period_end) or plan
    ):
        period = int(row.current_period_end.timestamp())
        post.mail(
            f"card {row.stripe_id} {period}",
            "card_missing",
            plan=name,
            day=day(row.current_period_end),
        )


def _plan_from(post: _Post, row: Subscription, moment: datetime) -> Plan | None:
    """Return the plan to which a scheduled change will have led by then, or `None`."""
    if row.scheduled_at is None or row.scheduled_at > moment:
        return None
    return post.db.scalar(select(Plan).where(Plan.stripe_price_id == row.scheduled_price_id))


def _is_charged_at(row: Subscription, moment: datetime) -> bool:
    """Return whether the subscription will continue and be charged at this time."""
    is_over = row.cancel_at_period_end or (row.cancel_at is not None and row.cancel_at <= moment)
    is_paused = row.pause_behavior is not None and (
        row.pause_until is None or row.pause_until > moment
    )
    return not is_over and not is_paused


def _lacks_card(row: Subscription, plan: Plan | None) -> bool:
    end = row.current_period_end
    costs = plan is None or _after_discounts(plan, row, end) > 0
    return (
        not row.has_payment_method
        and row.days_until_due is None
        and costs
        and _is_charged_at(row, end)
    )


def _after_trial(row: Subscription, plan: Plan | None, ends: datetime) -> dict[str, Any]:
    """Return the price after the trial, and how it will be paid.

    The payer must learn this before the trial ends.
    """
    first = _after_discounts(plan, row, ends) if plan else 0
    return {
        "price": f"{money(plan.amount, plan.currency)} per {plan.interval}" if plan else None,
        "first_payment": money(first, plan.currency) if plan and first != plan.amount else None,
        "has_card": row.has_payment_method,
        "is_invoiced": row.days_until_due is not None,
        "without_card": row.trial_without_card,
    }


def _after_discounts(plan: Plan, row: Subscription, moment: datetime) -> int:
    """Return the discounted price for a period that begins at this time.

    Stripe applies the discounts one after the other.
    """
    price = Decimal(plan.amount)
    for discount in row.discounts or []:
        if discount["ends_at"] and datetime.fromisoformat(discount["ends_at"]) <= moment:
            continue
        price -= price * Decimal(str(discount["percent_off"] or 0)) / 100 + (
            discount["amount_off"] or 0
        )
    return max(0, int(price.quantize(Decimal(1), ROUND_HALF_UP)))


def day(moment: datetime) -> str:
    return f"{moment:%d %B %Y}".lstrip("0")
