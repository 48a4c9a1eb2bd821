"""Request and response bodies for the payments routes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, StrictBool, StringConstraints

from app.core import foreign_json
from app.core.fields import OneLine
from app.core.schemas import Input, Output, example_body
from app.core.text import MAX_SLUG
from app.core.types import Id

PlanSlug = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SLUG)]
StripeWord = Annotated[str, StringConstraints(min_length=1, max_length=255)]
PromotionCode = Annotated[str, OneLine(100)]


class Entitled(Output):
    """The features and limits of a plan. A limit of null means unlimited.

    Features and limits that are not listed are not included.
    """

    features: list[str]
    limits: dict[str, int | None]


def _or_nothing(stored: Any) -> Any:
    """Return empty entitlements if the plan has no stored entitlements."""
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
    model_config = example_body({"plan": "team-yearly"})

    plan: PlanSlug


When = Literal["now", "period_end"]


class PlanChange(PlanChoice):
    """The plan to change to. The change happens now, or at the end of the current
    period.

    During a trial, the current period is the trial.
    """

    when: When = "now"


class CheckoutCreate(PlanChoice):
    model_config = example_body({"plan": "pro"})

    promotion_code: PromotionCode | None = None


class CheckoutRead(Output):
    """A Checkout session. `url` is Stripe's page, to which the browser goes next."""

    session_id: str
    url: str


class PortalRead(Output):
    url: str


class ScheduledPlan(Output):
    """The plan to which a subscription changes at `starts_at`.

    The change can be cancelled until then.
    """

    plan: PlanRead
    starts_at: datetime


class SubscriptionRead(Output):
    """A subscription. `status` is Stripe's value.

    `entitlements` holds the features and limits that the subscription includes now.
    `cancel_at` is when the subscription ends, however that was requested, or null if no
    end is planned. `cancel_at_period_end` is true if the subscription ends with the
    current period. While `collection_paused` is true, nothing is charged. `POST
    /payments/subscription/resume` ends the pause.
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
    """A line of the previewed invoice. Credits are negative."""

    description: str
    amount: int
    currency: str


class Preview(Output):
    """The invoice that a change would create, now or at the end of the period.

    For 15 minutes, an immediate change to this plan charges exactly this amount.
    """

    amount_due: int
    currency: str
    lines: list[PreviewLine]


class Cancellation(Input):
    model_config = example_body({"at_period_end": True})

    at_period_end: StrictBool = True


class PaymentInvoiceRead(Output):
    """An invoice. `status` is Stripe's value.

    `hosted_invoice_url` and `invoice_pdf` lead to Stripe's pages. A draft has neither.
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
    """The caller's features and limits. `plan` is the slug of the current plan.

    Without a subscription that gives access, this is the free plan.
    """

    plan: str


class WebhookRead(Output):
    received: bool


class WebhookEventFilters(BaseModel):
    """Filters for the list of events.

    An event is `waiting` until it is processed. It is `parked` if it is about an
    unknown customer, and `dead` if it failed for good.
    """

    outcome: Literal["waiting", "done", "ignored", "parked", "dead"] | None = None
    type: StripeWord | None = None
    payer: StripeWord | None = None


class WebhookEventRead(Output):
    """An event from Stripe. `payer` is Stripe's id of the customer.

    `outcome` is null while the event waits.
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
    """An event including its `body`, as Stripe sent it.

    Values that JSON cannot represent are removed from the body, such as half of a
    surrogate pair.
    """

    body: Annotated[dict[str, Any], BeforeValidator(foreign_json.parse_stored_json)]


class SubscriptionFilters(BaseModel):
    """Filters for the list of subscriptions. `status` is Stripe's value.

    `plan` is the slug of a plan, whether or not the plan is still for sale.
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
    """A discount on a subscription. Either `percent_off` or `amount_off` is null.

    If `ends_at` is null, the discount applies either forever or only once.
    """

    coupon: str
    percent_off: float | None
    amount_off: int | None
    ends_at: datetime | None


class SubscriptionOverview(Output):
    """A subscription for administrators.

    `plan` is a slug, or null if no plan has the subscription's price. `pause_behavior`
    is Stripe's value while collection is paused. With `void`, the subscription gives no
    access. `pending_update_until` is when a pending change expires if it is not paid.
    `days_until_due` is set if Stripe sends invoices instead of charging a card.
    `trial_without_card` says what Stripe does if a trial ends without a card.
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
