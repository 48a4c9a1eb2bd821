"""Payments tables.

Stripe's objects are the source of truth. These rows are copies of what we last read
from Stripe, and records of what we asked Stripe to do.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from app.core.text import MAX_EMAIL, MAX_SLUG
from app.db import clock
from app.db.database import Base
from app.db.mixins import Timestamps
from app.db.types import LongBinary, PrimaryKey
from app.routers.auth.models import User

STRIPE_ID = 255  # Stripe's maximum for its ids
MAX_URL = 2_000
MAX_ERROR = 500


class Plan(Timestamps, Base):
    """A plan at one price, which is or was for sale.

    Subscribers keep their old price after `plans.toml` changes. `offered_as` is the
    slug while the plan is for sale. This column is unique, so only one plan with a
    given slug is for sale at a time.
    """

    __tablename__ = "plans"

    id: Mapped[PrimaryKey]
    slug: Mapped[str] = mapped_column(String(MAX_SLUG), index=True)
    offered_as: Mapped[str | None] = mapped_column(String(MAX_SLUG), unique=True)
    position: Mapped[int]  # the position in `plans.toml`
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(500))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int]  # minor units
    interval: Mapped[str] = mapped_column(String(5))  # month or year
    trial_days: Mapped[int]
    trial_needs_card: Mapped[bool]
    entitlements: Mapped[dict[str, Any]] = mapped_column(JSON)  # `plan_file.Offer.entitlements`
    stripe_product_id: Mapped[str | None] = mapped_column(String(STRIPE_ID))
    # null if the plan is free or not yet at Stripe
    stripe_price_id: Mapped[str | None] = mapped_column(String(STRIPE_ID), unique=True)


class Customer(Timestamps, Base):
    """A payer: a user who buys, or has tried to buy.

    This row is also the lock for all of the payer's rows. `last_ticket` is the
    number of the last sync that began, and `seen` is the number of the last sync that
    wrote (see `sync.py`).
    """

    __tablename__ = "customers"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), unique=True
    )
    # null until Stripe has responded
    stripe_id: Mapped[str | None] = mapped_column(String(STRIPE_ID), unique=True)
    creation_key: Mapped[str] = mapped_column(
        String(64), unique=True
    )  # Idempotency-Key used to create the customer
    creation_asked_at: Mapped[datetime | None]
    email: Mapped[str] = mapped_column(String(MAX_EMAIL))  # the address stored at Stripe
    # keyed digest of the address, to allow one trial per person
    person: Mapped[str] = mapped_column(String(64), index=True)
    trial_used_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]  # when the customer was deleted at Stripe
    # When the account was deleted. Set to null once all personal data is erased (see
    # `erasure.erase_payers`).
    forget_from: Mapped[datetime | None] = mapped_column(index=True)
    # only set outside production, see `clock.py`
    test_clock: Mapped[str | None] = mapped_column(String(STRIPE_ID), index=True)
    last_ticket: Mapped[int] = mapped_column("looks", default=0)
    seen: Mapped[int] = mapped_column(default=0)

    user: Mapped[User | None] = relationship(lazy="raise")


class Subscription(Timestamps, Base):
    """A copy of a subscription at Stripe.

    `live_customer_id` is the payer while the subscription is live. This column is
    unique, so a payer has at most one live subscription.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint(
            "live_customer_id IS NULL OR live_customer_id = customer_id", name="live_payer"
        ),
        Index(None, "status", "current_period_end", "id"),
    )

    id: Mapped[PrimaryKey]
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    live_customer_id: Mapped[int | None] = mapped_column(unique=True)
    plan_id: Mapped[int | None] = mapped_column(
        ForeignKey("plans.id", ondelete="SET NULL"), index=True
    )
    stripe_id: Mapped[str] = mapped_column(String(STRIPE_ID), unique=True)
    stripe_item_id: Mapped[str] = mapped_column(String(STRIPE_ID))
    stripe_price_id: Mapped[str] = mapped_column(String(STRIPE_ID))
    status: Mapped[str] = mapped_column(String(32))  # Stripe's value
    started_at: Mapped[datetime]
    current_period_start: Mapped[datetime]
    current_period_end: Mapped[datetime]
    trial_start: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    # Also true if Stripe sets only `cancel_at`, and that time is the end of the period.
    cancel_at_period_end: Mapped[bool]
    cancel_at: Mapped[datetime | None]  # when the subscription ends, however that was requested
    canceled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    past_due_since: Mapped[datetime | None]  # when the oldest unpaid invoice was finalised
    has_payment_method: Mapped[bool]
    pause_behavior: Mapped[str | None] = mapped_column(
        String(32)
    )  # Stripe's value while collection is paused, otherwise null
    pause_until: Mapped[datetime | None]  # null if the pause has no planned end
    # when a pending change expires if it is not paid
    pending_update_until: Mapped[datetime | None]
    # Stripe's value for what happens if a trial ends without a card
    trial_without_card: Mapped[str | None] = mapped_column(String(32))
    # Null if Stripe charges the card. Otherwise Stripe sends invoices.
    days_until_due: Mapped[int | None]
    discounts: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSON(none_as_null=True), default=list
    )
    # the Stripe schedule that manages the subscription
    schedule_id: Mapped[str | None] = mapped_column(String(STRIPE_ID))
    # the price that the schedule changes to
    scheduled_price_id: Mapped[str | None] = mapped_column(String(STRIPE_ID))
    scheduled_at: Mapped[datetime | None]  # when the price changes
    # The values of the last preview. A change charges exactly the previewed amount, and
    # the Idempotency-Key of the change is derived from these values.
    previewed_price_id: Mapped[str | None] = mapped_column(String(STRIPE_ID))
    previewed_at: Mapped[datetime | None]
    proration_at: Mapped[datetime | None]

    plan: Mapped[Plan | None] = relationship(lazy="raise", foreign_keys=plan_id)
    scheduled_plan: Mapped[Plan | None] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin=lambda: foreign(Subscription.scheduled_price_id) == Plan.stripe_price_id,
    )
    customer: Mapped[Customer] = relationship(lazy="raise")


class Invoice(Base):
    """A copy of an invoice at Stripe. A draft has no number and no Stripe pages yet.

    The table and the schema have long names, because many applications have a feature
    called `invoices`.
    """

    __tablename__ = "payment_invoices"
    __table_args__ = (Index(None, "customer_id", "created_at", "id"),)

    id: Mapped[PrimaryKey]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    subscription_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="SET NULL"), index=True
    )
    stripe_id: Mapped[str] = mapped_column(String(STRIPE_ID), unique=True)
    number: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(32))  # Stripe's value
    currency: Mapped[str] = mapped_column(String(3))
    amount_due: Mapped[int]
    amount_paid: Mapped[int]
    amount_refunded: Mapped[int]
    # Stripe's status of the newest dispute
    dispute: Mapped[str | None] = mapped_column(String(40))
    attempts: Mapped[int]
    hosted_invoice_url: Mapped[str | None] = mapped_column(String(MAX_URL))
    invoice_pdf: Mapped[str | None] = mapped_column(String(MAX_URL))
    created_at: Mapped[datetime]
    finalized_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]


class CheckoutAttempt(Base):
    """A Checkout session, stored before we ask Stripe to create it.

    The parameters are stored, so that the same request can be repeated.
    `open_customer_id` is the payer while the session can be paid. This column is
    unique, so a payer has at most one open session.
    """

    __tablename__ = "checkout_attempts"

    id: Mapped[PrimaryKey]
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    open_customer_id: Mapped[int | None] = mapped_column(unique=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"), index=True)
    # Stripe's id, not the code itself
    promotion_code: Mapped[str | None] = mapped_column(String(STRIPE_ID))
    trial_days: Mapped[int]
    key: Mapped[str] = mapped_column(String(64), unique=True)  # Idempotency-Key
    stripe_id: Mapped[str | None] = mapped_column(String(STRIPE_ID), unique=True)
    url: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=clock.now())
    closed_at: Mapped[datetime | None] = mapped_column(index=True)

    plan: Mapped[Plan] = relationship(lazy="raise")


class WebhookEvent(Base):
    """An event exactly as Stripe sent it, and its outcome.

    `outcome` is null while the event waits for its job.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (UniqueConstraint("source", "event_id"), Index(None, "outcome", "id"))

    id: Mapped[PrimaryKey]
    source: Mapped[str] = mapped_column(String(20), default="stripe")
    event_id: Mapped[str] = mapped_column(String(STRIPE_ID))
    type: Mapped[str] = mapped_column(String(80))
    livemode: Mapped[bool]
    payer: Mapped[str | None] = mapped_column(String(STRIPE_ID), index=True)  # Stripe's customer id
    body: Mapped[bytes] = mapped_column(LongBinary)
    created_at: Mapped[datetime]  # Stripe's time, which is simulated in tests
    received_at: Mapped[datetime] = mapped_column(default=clock.now())
    # how many seconds Stripe's clock is ahead, only set outside production (see
    # `clock.py`)
    seconds_ahead: Mapped[int | None] = mapped_column(index=True)
    processed_at: Mapped[datetime | None] = mapped_column(index=True)
    outcome: Mapped[str | None] = mapped_column(String(20))  # `processing.Outcome`
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(MAX_ERROR))


class Notice(Base):
    """A record of an email about money.

    The key identifies the occasion, so that each occasion gets one email.
    """

    __tablename__ = "payment_notices"

    id: Mapped[PrimaryKey]
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    key: Mapped[str] = mapped_column(String(STRIPE_ID + 40), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now(), index=True)
