"""Dependencies with which any feature can restrict routes by entitlement.

    @router.post("/export", dependencies=[Depends(require_feature("export"))])
    @router.post("", dependencies=[Depends(within_limit("projects", count_projects))])

`count_projects(db, user)` returns how many projects the user already has.
"""

from collections.abc import Callable

from fastapi import Depends
from sqlalchemy.orm import Session

from app.core.errors import raises
from app.db.database import db_dependency
from app.db.demands import keep_demanding
from app.platform import principal
from app.platform.jobs import enqueue
from app.routers.auth.dependencies import (
    CurrentUser,
    SubscriptionActive,
    after_email_change,
    before_deletion,
)
from app.routers.auth.models import User

from . import entitlements, queries, service
from .entitlements import UpgradeRequired
from .gateway import PaymentsUnavailable
from .gateway.admission import stripe_turn
from .mirror import forgetting

__all__ = ["StripeTurn", "UpgradeRequired", "require_feature", "within_limit"]

# A route must list this dependency before its database session. Then a request that
# waits for its turn to call Stripe does not hold a database connection.
StripeTurn = Depends(raises(PaymentsUnavailable)(stripe_turn), scope="function")

Gate = Callable[..., None]
Count = Callable[[Session, User], int]


def require_feature(feature: str) -> Gate:
    """Allow users whose plan includes the feature.

    Other users get 402, naming a plan that includes the feature.
    """

    @principal.fresh
    @raises(UpgradeRequired)
    def gate(db: db_dependency, user: CurrentUser) -> None:
        entitlements.demand_feature(db, user, feature)

    return gate


def within_limit(limit: str, count: Count) -> Gate:
    """Allow users who have not reached this limit of their plan.

    Other users get 402, naming a plan with a higher limit. If the request writes, the
    user's row is locked. So if a user sends two requests at the same time, the second
    request counts what the first has created. If several users share the counted rows,
    `count` must first lock a row that they share, in a separate statement.
    """

    @principal.fresh
    @raises(UpgradeRequired)
    def gate(db: db_dependency, user: CurrentUser) -> None:
        def has_room() -> None:
            entitlements.demand_room(db, user, limit, count(db, user))

        has_room()
        keep_demanding(db, has_room)

    return gate


@before_deletion
def keep_subscribed(db: Session, user: User) -> None:
    """Refuse to delete an account with a live subscription.

    If there is no live subscription, a job deletes the customer at Stripe after the
    account is deleted. Raises `SubscriptionActive`.
    """
    customer = db.scalar(queries.customer_of(user).with_for_update())
    if customer is None:
        return
    if service.has_live_subscription(db, user):
        raise SubscriptionActive
    forgetting.forget_soon(db, customer)


@after_email_change
def send_email(db: Session, user: User) -> None:
    """Queue a job that tells Stripe the new address, to which Stripe sends receipts."""
    customer = db.scalar(queries.customer_of(user))
    if customer is not None:
        enqueue(db, "payments.send_email", {"customer_id": customer.id})
