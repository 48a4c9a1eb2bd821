"""Our shapes of Stripe's objects: the fields that rules and rows need."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict


class SeenDiscount(TypedDict):
    """A coupon in use. Either `percent_off` or `amount_off` is null.

    `ends_at` is a time in ISO 8601.
    """

    coupon: str
    percent_off: float | None
    amount_off: int | None
    ends_at: str | None


@dataclass(frozen=True)
class SeenSubscription:
    """A subscription as Stripe has it. `status` is Stripe's value.

    Stripe has periods for each item, and our subscriptions have one item. `cancel_at`
    is when the subscription ends. `cancel_at_period_end` is true if that is the end of
    the period. With flexible billing, Stripe's portal sets `cancel_at` alone, and
    leaves Stripe's flag unset.

    `has_payment_method` is null if only the payer could tell, and the payer was not
    read. `discounts` is null if they were not requested.
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
    schedule_id: str | None  # the schedule at Stripe that manages it
    scheduled_price_id: str | None  # the price that the schedule changes to
    scheduled_at: datetime | None
    # The key of the checkout attempt that it came from. With `None`, it was made
    # elsewhere.
    attempt: str | None
    pay_url: str | None = None  # where a change that waits for its payment can be paid


@dataclass(frozen=True)
class SeenInvoice:
    """An invoice as Stripe has it.

    `needs_action` is true if the owner of the card has to confirm the payment. `reason`
    is why Stripe made the invoice.
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
    """Everything that Stripe has of a customer. `email` is empty if the customer was
    deleted.
    """

    id: str
    email: str
    is_gone: bool
    subscriptions: list[SeenSubscription]
    invoices: list[SeenInvoice]
    session: SeenSession | None = None  # the session that was asked for
    test_clock: str | None = None  # Stripe's id of the customer's test clock


@dataclass(frozen=True)
class SeenLine:
    description: str
    amount: int
    currency: str


@dataclass(frozen=True)
class SeenPreview:
    """A preview of an invoice. `proration_at` is the time for which the amounts are
    valid.
    """

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
class SeenEndpoint:
    """A webhook endpoint at Stripe. `secret` is set only for a new one."""

    id: str
    url: str
    events: list[str]
    api_version: str | None
    is_enabled: bool
    secret: str | None = None
