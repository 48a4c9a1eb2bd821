"""Translation of Stripe's refusals to sell a plan into errors for the buyer."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import AppError
from app.routers.payments.alarms import alarm
from app.routers.payments.gateway import CurrencyMismatch, PlanUnavailable, StripeRefused
from app.routers.payments.models import Plan


def meaning(refusal: StripeRefused, plan: Plan) -> AppError:
    """Return the error to raise.

    An alarm is raised for a plan that is offered here but not sold at Stripe, because a
    person has to fix that.
    """
    if refusal.is_about_currency:
        return CurrencyMismatch()
    if refusal.is_about_price:
        alarm(
            "plan_not_sold",
            plan=plan.slug,
            price=plan.stripe_price_id,
            needed="make plans-sync apply=yes",
        )
        return PlanUnavailable()
    return refusal


@contextmanager
def selling(plan: Plan) -> Iterator[None]:
    """Wrap a call that requests this plan.

    Raises `PlanUnavailable`, `CurrencyMismatch`, `StripeRefused`.
    """
    try:
        yield
    except StripeRefused as refusal:
        raise meaning(refusal, plan) from refusal
