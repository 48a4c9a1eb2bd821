"""The errors that clients get if Stripe refuses to sell a plan."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import AppError
from app.routers.payments.alarms import raise_alarm
from app.routers.payments.gateway import CurrencyMismatch, PlanUnavailable, StripeRefused
from app.routers.payments.models import Plan


def error_for_refusal(refusal: StripeRefused, plan: Plan) -> AppError:
    """Return the error to raise for a refusal by Stripe.

    If we offer a plan that Stripe does not sell, this also raises an alarm, because an
    operator has to fix it.
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
    """Translate Stripe's refusals of calls that sell this plan.

    Raises `PlanUnavailable`, `CurrencyMismatch`, `StripeRefused`.
    """
    try:
        yield
    except StripeRefused as refusal:
        raise error_for_refusal(refusal, plan) from refusal
