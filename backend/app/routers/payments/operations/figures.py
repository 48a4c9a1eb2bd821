"""Numbers for the dashboard of the admin: subscriptions, revenue and failed payments.

Each number is computed from at most the `NEWEST` rows of its table.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from app.platform.admin.plotting import NEWEST, per_day
from app.platform.admin.views import Figure, Series
from app.routers.payments.entitlements import IN_FORCE
from app.routers.payments.models import Plan, Subscription, WebhookEvent

DAYS = 30
PAYING = ("active", "past_due")
FAILED = "invoice.payment_failed"

# The price of a plan for a month, in minor units.
MONTHLY = case((Plan.interval == "year", Plan.amount / 12.0), else_=Plan.amount)


class Revenue(NamedTuple):
    """The monthly revenue in one currency, in minor units."""

    currency: str
    amount: float


def active_subscriptions(db: Session) -> Figure:
    """Return the number of active subscriptions on each of the last `DAYS` days."""
    recent = _newest().subquery()
    live = select(func.count()).select_from(recent).where(recent.c.status.in_(IN_FORCE))
    now = int(db.scalar(live) or 0)
    began, ended = _began(db), _ended(db)
    return Figure(f"{now:,}", [Series("Active", _backwards(now, began, ended))])


def monthly_revenue(db: Session) -> Figure:
    """Return the monthly recurring revenue in the currency with the most revenue.

    The values of earlier days are computed from the subscriptions that began and ended.
    """
    revenue = _revenue(db)
    if not revenue:
        return Figure("0", [])
    main = revenue[0]
    began, ended = _began(db, _in(main.currency)), _ended(db, _in(main.currency))
    points = [(day, value / 100) for day, value in _backwards(main.amount, began, ended)]
    others = ", ".join(_money(one) for one in revenue[1:])
    return Figure(_money(main), [Series("MRR", points)], f"and {others}" if others else "")


def churn(db: Session) -> Figure:
    """Return the share of subscriptions that ended in the last `DAYS` days."""
    began, ended = _began(db), _ended(db)
    number = sum(value for _, value in ended)
    recent = _newest().subquery()
    live = select(func.count()).select_from(recent).where(recent.c.status.in_(IN_FORCE))
    before = float(db.scalar(live) or 0) - sum(value for _, value in began) + number
    rate = f"{100 * number / before:.1f} %" if before > 0 else "0 %"
    note = f"{int(number):,} ended in the last {DAYS} days"
    return Figure(rate, [Series("Ended", ended)], note)


def failed_payments(db: Session) -> Figure:
    """Return how many payments failed on each of the last `DAYS` days.

    Each of Stripe's events about a failed payment counts as one.
    """
    points = per_day(db, WebhookEvent.received_at, DAYS, WebhookEvent.type == FAILED)
    number = int(sum(value for _, value in points))
    return Figure(f"{number:,}", [Series("Failed", points)], f"in the last {DAYS} days")


def _newest() -> Select[int, str, int | None]:
    newest = select(Subscription.id, Subscription.status, Subscription.plan_id)
    return newest.order_by(Subscription.id.desc()).limit(NEWEST)


def _revenue(db: Session) -> list[Revenue]:
    """Return the revenue by currency, the largest first."""
    recent = _newest().subquery()
    total = func.sum(MONTHLY)
    by_currency = (
        select(Plan.currency, total)
        .join(recent, recent.c.plan_id == Plan.id)
        .where(recent.c.status.in_(PAYING))
        .group_by(Plan.currency)
        .order_by(total.desc(), Plan.currency)
    )
    return [Revenue(currency, float(amount)) for currency, amount in db.execute(by_currency)]


def _in(currency: str) -> ColumnElement[Any]:
    amount = select(MONTHLY).where(Plan.id == Subscription.plan_id, Plan.currency == currency)
    return func.coalesce(amount.scalar_subquery(), 0)


def _began(db: Session, total: ColumnElement[Any] | None = None) -> list[tuple[str, float]]:
    return per_day(db, Subscription.started_at, DAYS, total=total)


def _ended(db: Session, total: ColumnElement[Any] | None = None) -> list[tuple[str, float]]:
    return per_day(db, Subscription.ended_at, DAYS, total=total)


def _backwards(
    now: float, began: list[tuple[str, float]], ended: list[tuple[str, float]]
) -> list[tuple[str, float]]:
    """Return the value at the end of each day, computed back from the current value."""
    points, value = [], now
    for (day, more), (_, less) in zip(reversed(began), reversed(ended), strict=True):
        points.append((day, max(value, 0.0)))
        value += less - more
    return points[::-1]


def _money(revenue: Revenue) -> str:
    return f"{revenue.amount / 100:,.2f} {revenue.currency.upper()}"
