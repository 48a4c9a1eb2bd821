"""Entitlements for routes of every feature.

    @router.post("/export", dependencies=[Depends(require_feature("export"))])
    @router.post("", dependencies=[Depends(within_limit("projects", count_projects))])

Here `count_projects(db, user)` returns how many projects the user already has.
"""

from collections.abc import Callable

from fastapi import Depends
from sqlalchemy.orm import Session

from app.core.errors import raises
from app.db.database import db_dependency
from app.db.demands import keep_demanding
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

# Stands before the session among a route's parameters: a request that waits for its
# turn to call Stripe must not hold a connection meanwhile.
StripeTurn = Depends(raises(PaymentsUnavailable)(stripe_turn), scope="function")

Gate = Callable[..., None]
Count = Callable[[Session, User], int]


def require_feature(feature: str) -> Gate:
    """Allow users whose plan includes the feature. Others get 402, naming a plan that
    does.
    """

    @raises(UpgradeRequired)
    def gate(db: db_dependency, user: CurrentUser) -> None:
        entitlements.demand_feature(db, user, feature)

    return gate


def within_limit(limit: str, count: Count) -> Gate:
    """Allow users whose plan has room for one more.

    Others get 402, naming a plan that has room. The user's row is locked while a
    request writes. So of two requests of one user, the second counts what the first has
    created. If other users add to what is counted, `count` must first lock what they
    share, with a statement of its own.
    """

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

    After the deletion, Stripe is made to forget the person, too. Raises
    `SubscriptionActive`.
    """
    customer = db.scalar(queries.customer_of(user).with_for_update())
    if customer is None:
        return
    if service.has_live_subscription(db, user):
        raise SubscriptionActive
    forgetting.forget_soon(db, customer)


@after_email_change
def send_email(db: Session, user: User) -> None:
    """Have Stripe send its receipts to the new address from now on."""
    customer = db.scalar(queries.customer_of(user))
    if customer is not None:
        enqueue(db, "payments.send_email", {"customer_id": customer.id})
