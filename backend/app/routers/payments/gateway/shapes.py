"""Our types for Stripe's objects, with the fields that our rules and tables need."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict


class SeenDiscount(TypedDict):
    """A discount on a subscription. Either `percent_off` or `amount_off` is null.

    `ends_at` is a time in ISO 8601.
    """

    coupon: str
    percent_off: float | None
    amount_off: int | None
    ends_at: str | None


@dataclass(frozen=True)
class SeenSubscription:
    """A subscription at Stripe. `status` is Stripe's value.

    At Stripe, the period belongs to the item, and our subscriptions have one item.
    `cancel_at` is when the subscription ends. `cancel_at_period_end` is true if that is
    the end of the period. We compute this flag, because with flexible billing, Stripe's
    portal sets only `cancel_at`.

    `has_payment_method` is null if it depends on the payer, and the payer was not read.
    `discounts` is null if the discounts were not requested.
    """

    id: str
    item_id: str
    price_id: str
    status: str
    started_at: datetime
    current_period_start: datetime
    current_period_end: datetime
    trial_start: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    has_payment_method: bool | None
    pause_behavior: str | None
    pause_until: datetime | None
    pending_update_until: datetime | None
    trial_without_card: str | None
    days_until_due: int | None
    discounts: list[SeenDiscount] | None
    schedule_id: str | None  # the Stripe schedule that manages the subscription
    scheduled_price_id: str | None  # the price that the schedule changes to
    scheduled_at: datetime | None
    # The key of the checkout attempt that created the subscription. `None` means that
    # it was created elsewhere.
    attempt: str | None
    pay_url: str | None = None  # the page on which to pay for a pending change


@dataclass(frozen=True)
class SeenInvoice:
    """An invoice at Stripe.

    `needs_action` is true if the cardholder has to confirm the payment. `reason` is
    Stripe's reason for creating the invoice.
    """

    id: str
    subscription_id: str | None
    number: str | None
    status: str
    currency: str
    amount_due: int
    amount_paid: int
    amount_refunded: int
    dispute: str | None
    attempts: int
    needs_action: bool
    reason: str | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    created_at: datetime
    finalized_at: datetime | None
    paid_at: datetime | None
    next_attempt_at: datetime | None


@dataclass(frozen=True)
class SeenSession:
    """A Checkout session. `status` is open, complete or expired.

    `url` is set while the session is open.
    """

    id: str
    status: str
    url: str | None


@dataclass(frozen=True)
class SeenPayer:
    """A customer at Stripe, with subscriptions and invoices.

    `email` is empty if the customer was deleted.
    """

    id: str
    email: str
    is_gone: bool
    subscriptions: list[SeenSubscription]
    invoices: list[SeenInvoice]
    session: SeenSession | None = None  # the session that was requested by id
    test_clock: str | None = None  # Stripe's id of the customer's test clock


@dataclass(frozen=True)
class SeenLine:
    description: str
    amount: int
    currency: str


@dataclass(frozen=True)
class SeenPreview:
    """A preview of an invoice. The amounts are valid for the time `proration_at`."""

    amount_due: int
    currency: str
    lines: list[SeenLine]
    proration_at: datetime


@dataclass(frozen=True)
class SeenProduct:
    id: str
    name: str
    description: str
    is_active: bool


@dataclass(frozen=True)
class SeenPrice:
    id: str
    product_id: str
    lookup_key: str
    currency: str
    amount: int
    interval: str
    is_active: bool


@dataclass(frozen=True)
class SeenAccount:
    """The Stripe account of our key. An account that is not activated cannot charge."""

    id: str
    can_charge: bool


@dataclass(frozen=True)
class SeenEndpoint:
    """A webhook endpoint at Stripe. `secret` is set only if it was just created."""

    id: str
    url: str
    events: list[str]
    api_version: str | None
    is_enabled: bool
    secret: str | None = None
