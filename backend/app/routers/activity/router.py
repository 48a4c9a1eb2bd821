"""Activity routes. The rules are in `service`."""

from typing import Annotated

from fastapi import Query

from app.core.pagination import Page
from app.db.database import db_dependency
from app.platform.pagination import CursorParams
from app.platform.routing import Router
from app.routers.auth.dependencies import CurrentUser

from . import service
from .dependencies import Timelines
from .schemas import ActivityCount, ActivityFilters, ActivityRead

router = Router(prefix="/activity", tags=["activity"])


@router.get("")
def list_activity(
    db: db_dependency,
    user: CurrentUser,
    store: Timelines,
    filters: Annotated[ActivityFilters, Query()],
    page: CursorParams,
) -> Page[ActivityRead]:
    """List what happened in your account, newest first."""
    return service.read_timeline(db, store, user, filters, page)


@router.get("/counts")
def count_activity(
    db: db_dependency,
    user: CurrentUser,
    store: Timelines,
    days: Annotated[int, Query(ge=1, le=366)] = 30,
) -> list[ActivityCount]:
    """Count what happened in your account, per UTC day and kind.

    Newest day first. Days and kinds without events are left out.
    """
    return service.count_events(db, store, user, days)
