"""Payments in the admin: payers, subscriptions, invoices, and the events of Stripe."""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, defer, joinedload, undefer

from app.core import foreign_json
from app.platform.admin.own_views import as_json
from app.platform.admin.views import (
    Action,
    Badge,
    Chart,
    Column,
    Filter,
    Given,
    Link,
    Person,
    Value,
    View,
)
from app.routers.auth.models import User

from .mirror import sync
from .models import Customer, Invoice, Plan, Subscription, WebhookEvent
from .operations import administration, figures
from .operations.payer_page import badge, money, reason_of, tables_of_payer
from .webhooks.processing import Outcome

GROUP = "Payments"


def _of_stripe_id(text: str, column: Any) -> ColumnElement[bool] | None:
    found: ColumnElement[bool] = column == text
    return found if text.startswith(("cus_", "sub_", "in_")) else None


def _user_id(text: str) -> int | None:
    number = text.removeprefix("user:")
    known = number != text and number.isascii() and number.isdigit() and len(number) < 19  # noqa: PLR2004 - 64 bits
    return int(number) if known else None


def _find_payer(text: str) -> ColumnElement[bool] | None:
    if (user_id := _user_id(text)) is not None:
        return Customer.user_id == user_id
    if "@" in text:
        return (
            Customer.user_id == select(User.id).where(User.email == text.lower()).scalar_subquery()
        )
    return _of_stripe_id(text, Customer.stripe_id)


def _find_event(text: str) -> ColumnElement[bool] | None:
    if text.startswith("cus_"):
        return WebhookEvent.payer == text
    return WebhookEvent.event_id == text if text.startswith("evt_") else None


def _replay(db: Session, event: WebhookEvent, given: Given) -> str:
    administration.replay_event(db, db.get_one(User, given.staff_id), event.id)
    return "A worker will process the event again."


def _refresh(db: Session, row: Any, _given: Given) -> str:
    sync.sync_payer_soon(db, row.id if isinstance(row, Customer) else row.customer_id)
    return "A worker will fetch this payer from Stripe now."


REFRESH = Action(
    "refresh",
    "Fetch from Stripe",
    _refresh,
    about="Reads the payer, with all subscriptions and invoices, from Stripe again.",
    is_dangerous=False,
)
REPLAY = Action(
    "replay",
    "Process again",
    _replay,
    about="Queues the event again, whatever its outcome was. Repeating this does no harm.",
    is_dangerous=False,
)


def _payer(row: Any) -> Value:
    customer: Customer = row.customer
    return Link(customer.email or f"payer {customer.id}", "payers", customer.id)


def _statuses(column: Any, *values: str) -> Filter:
    return Filter("status", "Status", {value: column == value for value in values})


VIEWS = (
    View(
        key="payers",
        title="Payers",
        group=GROUP,
        model=Customer,
        about="Search by email address, or by an id of Stripe that begins with cus_.",
        columns=(
            Column("Email", lambda row: row.email),
            Column("Account", lambda row: Person(row.user_id) if row.user_id else None),
            Column("At Stripe", lambda row: row.stripe_id),
            Column("Created", lambda row: row.created_at),
        ),
        details=(
            Column("Account", lambda row: Person(row.user_id) if row.user_id else None),
            Column("Email at Stripe", lambda row: row.email),
            Column("At Stripe", lambda row: row.stripe_id),
            Column("Trial used", lambda row: row.trial_used_at),
            Column("Deleted at Stripe", lambda row: row.gone_at),
        ),
        name=lambda row: row.email or f"Payer {row.id}",
        find=_find_payer,
        search=(Customer.email,),
        of_user="user:{}",
        tables=tables_of_payer,
        actions=(REFRESH,),
    ),
    View(
        key="subscriptions",
        title="Subscriptions",
        group=GROUP,
        model=Subscription,
        columns=(
            Column("Payer", _payer),
            Column("Plan", lambda row: row.plan.name if row.plan else None),
            Column("Status", lambda row: badge(row.status)),
            Column("Period ends", lambda row: row.current_period_end),
        ),
        details=(
            Column("Payer", _payer),
            Column("Plan", lambda row: row.plan.name if row.plan else None),
            Column("Status", lambda row: badge(row.status)),
            Column("Past due since", lambda row: row.past_due_since),
            Column("Started", lambda row: row.started_at),
            Column("Period ends", lambda row: row.current_period_end),
            Column("Trial ends", lambda row: row.trial_end),
            Column("Cancelled", lambda row: row.canceled_at),
            Column("Ends", lambda row: row.cancel_at),
            Column("Ended", lambda row: row.ended_at),
            Column("Payment method", lambda row: "yes" if row.has_payment_method else "none"),
            Column("At Stripe", lambda row: row.stripe_id),
        ),
        name=lambda row: f"Subscription {row.id}",
        find=lambda text: _of_stripe_id(text, Subscription.stripe_id),
        filters=(
            _statuses(
                Subscription.status,
                *("active", "trialing", "past_due", "unpaid", "paused", "incomplete", "canceled"),
            ),
        ),
        options=(joinedload(Subscription.plan), joinedload(Subscription.customer)),
        actions=(REFRESH,),
    ),
    View(
        key="payment-invoices",
        title="Invoices",
        group=GROUP,
        model=Invoice,
        columns=(
            Column(
                "Payer", lambda row: Link(f"payer {row.customer_id}", "payers", row.customer_id)
            ),
            Column("Number", lambda row: row.number),
            Column("Status", lambda row: badge(row.status)),
            Column("Due", lambda row: money(row.amount_due, row.currency)),
            Column("Attempts", lambda row: row.attempts),
            Column("Created", lambda row: row.created_at),
        ),
        details=(
            Column(
                "Payer", lambda row: Link(f"payer {row.customer_id}", "payers", row.customer_id)
            ),
            Column("Status", lambda row: badge(row.status)),
            Column("Due", lambda row: money(row.amount_due, row.currency)),
            Column("Paid", lambda row: money(row.amount_paid, row.currency)),
            Column("Refunded", lambda row: money(row.amount_refunded, row.currency)),
            Column("Dispute", lambda row: row.dispute),
            Column("Attempts", lambda row: row.attempts),
            Column("Next attempt", lambda row: row.next_attempt_at),
            Column("Finalised", lambda row: row.finalized_at),
            Column("Paid at", lambda row: row.paid_at),
            Column("At Stripe", lambda row: row.stripe_id),
        ),
        name=lambda row: row.number or f"Draft {row.id}",
        find=lambda text: _of_stripe_id(text, Invoice.stripe_id),
        search=(Invoice.number,),
        filters=(
            _statuses(Invoice.status, "open", "paid", "draft", "uncollectible", "void"),
            Filter(
                "payment",
                "Payment",
                {"failed": (Invoice.status == "open") & (Invoice.attempts > 0)},
            ),
        ),
        actions=(REFRESH,),
    ),
    View(
        key="webhook-events",
        title="Webhook events",
        group=GROUP,
        model=WebhookEvent,
        about="The events that Stripe sent in the last 90 days. Search by an id that begins "
        "with evt_ or cus_, or by a part of the type.",
        columns=(
            Column("Type", lambda row: row.type),
            Column("Outcome", lambda row: badge(row.outcome)),
            Column("Payer", lambda row: row.payer),
            Column("Attempts", lambda row: row.attempts),
            Column("Received", lambda row: row.received_at),
        ),
        details=(
            Column("Outcome", lambda row: badge(row.outcome)),
            Column("Reason", reason_of),
            Column("Error", lambda row: row.error),
            Column(
                "Payer",
                lambda row: Link(row.payer, "payers", search=row.payer) if row.payer else None,
            ),
            Column("At Stripe", lambda row: row.event_id),
            Column("Attempts", lambda row: row.attempts),
            Column("Received", lambda row: row.received_at),
            Column("Processed", lambda row: row.processed_at),
            Column("Body", lambda row: as_json(foreign_json.parse_foreign_json(row.body))),
        ),
        name=lambda row: row.type,
        find=_find_event,
        search=(WebhookEvent.type,),
        filters=(
            Filter(
                "outcome",
                "Outcome",
                {
                    "waiting": WebhookEvent.outcome.is_(None),
                    **{str(one): WebhookEvent.outcome == one for one in Outcome},
                },
            ),
        ),
        options=(defer(WebhookEvent.body),),
        detail_options=(undefer(WebhookEvent.body),),
        actions=(REPLAY,),
    ),
    View(
        key="plans",
        title="Plans",
        group=GROUP,
        model=Plan,
        about="Plans change with plans.toml and make plans-sync.",
        columns=(
            Column("Name", lambda row: row.name),
            Column("For sale", lambda row: Badge("yes", "good") if row.offered_as else "no"),
            Column("Price", lambda row: f"{money(row.amount, row.currency)} a {row.interval}"),
        ),
        name=lambda row: row.name,
    ),
)
CHARTS = (
    Chart("subscriptions", "Active subscriptions", figures.active_subscriptions),
    Chart("mrr", "Monthly recurring revenue", figures.monthly_revenue),
    Chart("churn", "Churn", figures.churn, kind="bars"),
    Chart("failed-payments", "Failed payments", figures.failed_payments, kind="bars"),
)
