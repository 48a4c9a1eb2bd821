"""Request and response bodies of payments."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, StrictBool, StringConstraints

from app.core import foreign_json
from app.core.fields import OneLine
from app.core.schemas import Input, Output, example
from app.core.text import MAX_SLUG
from app.core.types import Id

PlanSlug = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SLUG)]
StripeWord = Annotated[str, StringConstraints(min_length=1, max_length=255)]
PromotionCode = Annotated[str, OneLine(100)]


class Entitled(Output):
    """The contents of a plan: features by name, and limits. A limit of null is no
    limit.

    A feature or a limit that is not named is not included.
    """

    features: list[str]
    limits: dict[str, int | None]


def _or_nothing(stored: Any) -> Any:
    """Return empty entitlements for a price that is not one of ours."""
    return stored or {"features": [], "limits": {}}


class PlanRead(Output):
    """A plan that is or was for sale.

    `amount` is in minor units of `currency`. `interval` is `month` or `year`.
    """

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
    model_config = example({"plan": "team-yearly"})

    plan: PlanSlug


When = Literal["now", "period_end"]


class PlanChange(PlanChoice):
    """The plan to change to. `when` is now, or the end of the current period.

    During a trial, the current period is the trial.
    """

    when: When = "now"


class CheckoutCreate(PlanChoice):
    model_config = example({"plan": "pro"})

    promotion_code: PromotionCode | None = None


class CheckoutRead(Output):
    """`url` is Stripe's page. Send the browser there."""

    session_id: str
    url: str


class PortalRead(Output):
    url: str


class ScheduledPlan(Output):
    """The plan that a subscription changes to at `starts_at`, unless the change is
    taken back.
    """

    plan: PlanRead
    starts_at: datetime


class SubscriptionRead(Output):
    """A subscription. `status` is Stripe's value.

    `entitlements` is what the subscription includes at this moment. `cancel_at` is when
    the subscription ends, whichever way this was requested. It is null while the
    subscription continues. `cancel_at_period_end` is true if that is when the current
    period ends. While `collection_paused` is true, nothing is charged. Resuming ends
    the pause.
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
    """A line of the invoice to come. Credits are negative."""

    description: str
    amount: int
    currency: str


class Preview(Output):
    """The invoice that a change would make, now or at the end of the period.

    For 15 minutes, a change to this plan at once charges exactly that.
    """

    amount_due: int
    currency: str
    lines: list[PreviewLine]


class Cancellation(Input):
    model_config = example({"at_period_end": True})

    at_period_end: StrictBool = True


class PaymentInvoiceRead(Output):
    """An invoice. `status` is Stripe's value.

    The two addresses are Stripe's pages. A draft has none yet.
    """

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
    """The caller's features and limits. `plan` is the slug of the plan in force.

    That is the free plan if no subscription is in force.
    """

    plan: str


class WebhookRead(Output):
    received: bool


class WebhookEventFilters(BaseModel):
    """Filters for the list of events.

    An event is `waiting` until it is processed. It is `parked` if it is about a
    customer that we do not know, and `dead` if it was given up on.
    """

    outcome: Literal["waiting", "done", "ignored", "parked", "dead"] | None = None
    type: StripeWord | None = None
    payer: StripeWord | None = None


class WebhookEventRead(Output):
    """An event. `payer` is Stripe's id of the customer. `outcome` is null while the
    event waits.
    """

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
    """An event with its `body` as Stripe sent it.

    The body lacks what JSON cannot hold, such as half of a surrogate pair.
    """

    body: Annotated[dict[str, Any], BeforeValidator(foreign_json.shown)]


class SubscriptionFilters(BaseModel):
    """Filters for the list of subscriptions. `status` is Stripe's value.

    `plan` is a slug, which may be of a plan that is no longer sold.
    """

    status: StripeWord | None = None
    plan: PlanSlug | None = None
    user_id: Id | None = None


class PayerRead(Output):
    """A payer. `user_id` is null if the account was deleted.

    `gone_at` is when Stripe's customer was deleted.
    """

    id: int
    user_id: int | None
    email: str
    stripe_id: str | None
    gone_at: datetime | None


def _slug_of(plan: Any) -> Any:
    return plan and plan.slug


class DiscountRead(Output):
    """A coupon in use. Either `percent_off` or `amount_off` is null.

    Without `ends_at`, the coupon applies for good, or once.
    """

    coupon: str
    percent_off: float | None
    amount_off: int | None
    ends_at: datetime | None


class SubscriptionOverview(Output):
    """A subscription for administrators.

    `plan` is a slug, or null if the price is not one of ours. `pause_behavior` is
    Stripe's value while collection is paused. With `void`, the subscription includes
    nothing. `pending_update_until` is the time until which a change waits for its
    payment. `days_until_due` is set if invoices are sent instead of charging a card.
    `trial_without_card` is what Stripe does at the end of a trial without a card.
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
