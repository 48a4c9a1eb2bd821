"""Entitlements for routes of every feature.

    @router.post("/export", dependencies=[Depends(require_feature("export"))])
    @router.post("", dependencies=[Depends(within_limit("projects", count_projects))])

where `count_projects(db, user)` says how many there are already.
"""

from collections.abc import Callable

from fastapi import Depends
from sqlalchemy.orm import Session

from app.core.errors import raises
from app.core.types import now
from app.db.database import db_dependency
from app.platform.jobs import enqueue
from app.routers.auth.dependencies import CurrentUser, SubscriptionActive, before_deletion
from app.routers.auth.models import User

from . import entitlements, queries, service, sync
from .entitlements import UpgradeRequired
from .gateway import PaymentsUnavailable
from .turns import stripe_turn

__all__ = ["StripeTurn", "UpgradeRequired", "require_feature", "within_limit"]

# Comes before the session: who waits for a turn to ask Stripe must not hold a connection meanwhile.
StripeTurn = Depends(raises(PaymentsUnavailable)(stripe_turn), scope="function")

Gate = Callable[..., None]
Count = Callable[[Session, User], int]


def require_feature(feature: str) -> Gate:
    """Lets pass whose plan has the feature; others get 402 with the plan that has it."""

    @raises(UpgradeRequired)
    def gate(db: db_dependency, user: CurrentUser) -> None:
        entitlements.demand_feature(db, user, feature)

    return gate


def within_limit(limit: str, count: Count) -> Gate:
    """Lets pass who has room for one more; others get 402 with the plan that has it."""

    @raises(UpgradeRequired)
    def gate(db: db_dependency, user: CurrentUser) -> None:
        entitlements.demand_room(db, user, limit, count(db, user))

    return gate


@before_deletion
def keep_subscribed(db: Session, user: User) -> None:
    """An account is not deleted while it is paid for. After it Stripe forgets the person, too.

    Raises `SubscriptionActive`.
    """
    customer = db.scalar(queries.customer_of(user).with_for_update())
    if customer is None:
        return
    if service.has_live_subscription(db, user):
        raise SubscriptionActive
    customer.forget_from = now()
    known = customer.stripe_id is not None and customer.gone_at is None
    if known:
        enqueue(db, "payments.forget_customer", {"customer_id": customer.id, "stripe_id": customer.stripe_id})
    elif customer.creation_asked_at is not None:  # the answer is on its way, or was lost: there may be somebody
        made = {"customer_id": customer.id, "key": customer.creation_key, "email": customer.email}
        enqueue(db, "payments.forget_customer", made, run_at=now() + sync.UNHEARD)
    if not known:
        customer.email = ""
