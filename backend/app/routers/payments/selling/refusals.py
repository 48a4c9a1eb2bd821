"""Translation of Stripe's refusals to sell a plan into errors for the client."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import AppError
from app.routers.payments.alarms import raise_alarm
from app.routers.payments.gateway import CurrencyMismatch, PlanUnavailable, StripeRefused
from app.routers.payments.models import Plan


def error_for_refusal(refusal: StripeRefused, plan: Plan) -> AppError:
    """Return the error to raise for a refusal.

    If the plan is offered here but not sold at Stripe, an alarm is raised, too, because
    an operator has to fix that.
    """
    if refusal.is_about_currency:
        return CurrencyMismatch()
    if refusal.is_about_price:
        raise_alarm(
            "plan_not_sold",
            plan=plan.slug,
            price=plan.stripe_price_id,
            needed="make plans-sync apply=yes",
        )
        return PlanUnavailable()
    return refusal


@contextmanager
def translate_refusals(plan: Plan) -> Iterator[None]:
    """Translate the refusals of a call to Stripe that sells this plan.

    Raises `PlanUnavailable`, `CurrencyMismatch`, `StripeRefused`.
    """
    try:
        yield
    except StripeRefused as refusal:
        raise error_for_refusal(refusal, plan) from refusal
