"""Shapes of payments on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, StrictBool, StringConstraints

from app.core import foreign_json
from app.core.schemas import Input, Output
from app.core.text import MAX_SLUG
from app.core.types import Id

PlanSlug = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SLUG)]
StripeWord = Annotated[str, StringConstraints(min_length=1, max_length=255)]
PromotionCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Entitled(Output):
    """What a plan opens: features by name, and limits, where null is no limit. What is not named is not included."""

    features: list[str]
    limits: dict[str, int | None]


def _or_nothing(stored: Any) -> Any:
    """A subscription to a price that is none of ours opens nothing."""
    return stored or {"features": [], "limits": {}}


class PlanRead(Output):
    """`amount` is in minor units of `currency`, per `interval` (month or year)."""

    id: int
    slug: str
    name: str
    description: str
    currency: str
    amount: int
    interval: str
    trial_days: int
    entitlements: Annotated[Entitled, BeforeValidator(_or_nothing)]


class PlanChoice(Input):
    plan: PlanSlug


When = Literal["now", "period_end"]


class PlanChange(PlanChoice):
    """`when` is now, or the end of the current period, which is that of the trial during a trial."""

    when: When = "now"


class CheckoutCreate(PlanChoice):
    promotion_code: PromotionCode | None = None


class CheckoutRead(Output):
    """`url` is Stripe's page; send the browser there."""

    session_id: str
    url: str


class PortalRead(Output):
    url: str


class ScheduledPlan(Output):
    """The plan that a subscription changes to at `starts_at`, unless that is taken back."""

    plan: PlanRead
    starts_at: datetime


class SubscriptionRead(Output):
    """`status` is Stripe's word. `entitlements` is what the subscription opens at this moment.

    `cancel_at` is when the subscription ends, whichever way that was asked for; null while it goes on.
    `cancel_at_period_end` is true if that is when the current period ends. While `collection_paused`, nothing is
    charged; resuming ends the pause.
    """

    id: int
    plan: PlanRead | None
    status: str
    current_period_start: datetime
    current_period_end: datetime
    trial_end: datetime | None
    cancel_at: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    collection_paused: bool
    scheduled_plan: ScheduledPlan | None
    entitlements: Entitled


class PreviewLine(Output):
    """One line of the invoice to come; credits are negative."""

    description: str
    amount: int
    currency: str


class Preview(Output):
    """What a change would charge, now or at the end of the period.

    If it is asked for at once, a change to this plan charges just that for 15 minutes.
    """

    amount_due: int
    currency: str
    lines: list[PreviewLine]


class Cancellation(Input):
    at_period_end: StrictBool = True


class PaymentInvoiceRead(Output):
    """`status` is Stripe's word. The two addresses are Stripe's pages; a draft has none yet."""

    id: int
    number: str | None
    status: str
    currency: str
    amount_due: int
    amount_paid: int
    created_at: datetime
    hosted_invoice_url: str | None
    invoice_pdf: str | None


class EntitlementsRead(Entitled):
    """`plan` is the slug of the plan that decides: the free one without a subscription that is in force."""

    plan: str


class WebhookRead(Output):
    received: bool


class WebhookEventFilters(BaseModel):
    """`waiting`: not worked off yet. `parked`: about somebody whom we do not know. `dead`: given up on."""

    outcome: Literal["waiting", "done", "ignored", "parked", "dead"] | None = None
    type: StripeWord | None = None
    payer: StripeWord | None = None


class WebhookEventRead(Output):
    """`payer` is Stripe's id of the customer; `outcome` is null while the event waits."""

    id: int
    event_id: str
    type: str
    livemode: bool
    payer: str | None
    created_at: datetime
    received_at: datetime
    processed_at: datetime | None
    outcome: str | None
    attempts: int
    error: str | None


class WebhookEventDetail(WebhookEventRead):
    """`body` is the event as Stripe wrote it, but for what JSON cannot hold, such as half of a surrogate pair."""

    body: Annotated[dict[str, Any], BeforeValidator(foreign_json.shown)]


class SubscriptionFilters(BaseModel):
    """`status` is Stripe's word; `plan` a slug, of a plan that is no longer sold, too."""

    status: StripeWord | None = None
    plan: PlanSlug | None = None
    user_id: Id | None = None


class PayerRead(Output):
    """`user_id` is null when the account was deleted, `gone_at` the time at which Stripe's customer was."""

    id: int
    user_id: int | None
    email: str
    stripe_id: str | None
    gone_at: datetime | None


def _slug_of(plan: Any) -> Any:
    return plan and plan.slug


class DiscountRead(Output):
    """A coupon that runs; either `percent_off` or `amount_off` is null. Without `ends_at` it runs for good, or once."""

    coupon: str
    percent_off: float | None
    amount_off: int | None
    ends_at: datetime | None


class SubscriptionOverview(Output):
    """`plan` is a slug, null where the price is none of ours.

    `pause_behavior` is Stripe's word while collection is paused: with `void` the subscription opens nothing.
    `pending_update_until` is until when a change waits for its payment. `days_until_due` is set where invoices are
    sent instead of charged. `trial_without_card` is what Stripe does at the end of a trial without a card.
    """

    id: int
    stripe_id: str
    customer: PayerRead
    plan: Annotated[str | None, BeforeValidator(_slug_of)]
    status: str
    started_at: datetime
    current_period_end: datetime
    trial_end: datetime | None
    trial_without_card: str | None
    cancel_at: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    pause_behavior: str | None
    pause_until: datetime | None
    pending_update_until: datetime | None
    days_until_due: int | None
    discounts: Annotated[list[DiscountRead], BeforeValidator(lambda stored: stored or [])]
    past_due_since: datetime | None
    ended_at: datetime | None
    scheduled_plan: Annotated[str | None, BeforeValidator(_slug_of)]
    scheduled_at: datetime | None
