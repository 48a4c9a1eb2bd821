"""Two routes that require entitlements from the demo plans.

The routes exist only in development and are not part of the API. They require
`invoice_export` and `devices` from `plans.toml`, as the routes of any feature can.
"""

import csv
import io

from fastapi import Depends, Response, status
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import NotFound, raises
from app.db import clock
from app.db.database import db_dependency
from app.platform.routing import Router
from app.routers.auth.dependencies import CurrentUser, InPerson
from app.routers.auth.models import LoginSession, User
from app.routers.payments import service
from app.routers.payments.dependencies import require_feature, within_limit
from app.routers.payments.models import Invoice

SHOWN = 100


@raises(NotFound)
def development_only() -> None:
    if get_settings().environment != "development":
        raise NotFound


def count_devices(db: Session, user: User) -> int:
    """Count the user's live sessions."""
    live = (LoginSession.ended_at.is_(None), LoginSession.expires_at > clock.now())
    return (
        db.scalar(select(func.count(LoginSession.id)).where(LoginSession.user_id == user.id, *live))
        or 0
    )


router = Router(prefix="/demo", include_in_schema=False, dependencies=[Depends(development_only)])


@router.get("/invoices.csv", dependencies=[InPerson, Depends(require_feature("invoice_export"))])
def export_invoices(db: db_dependency, user: CurrentUser) -> Response:
    """Return the caller's newest invoices as CSV."""
    table = io.StringIO()
    columns = (
        Invoice.number,
        Invoice.status,
        Invoice.currency,
        Invoice.amount_due,
        Invoice.amount_paid,
    )
    writer = csv.writer(table)
    writer.writerow(column.key for column in columns)
    for invoice in db.scalars(service.list_invoices(user).limit(SHOWN)):
        writer.writerow(getattr(invoice, column.key) for column in columns)
    return Response(table.getvalue(), media_type="text/csv; charset=utf-8")


@router.post(
    "/devices",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[Depends(within_limit("devices", count_devices))],
)
def ask_for_room() -> None:
    """Respond with 204 if the plan allows one more device. Nothing is changed."""
