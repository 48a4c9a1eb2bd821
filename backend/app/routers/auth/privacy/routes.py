"""Routes of a user's export of their data."""

from typing import Annotated, Any

from fastapi import Query, status
from fastapi.responses import RedirectResponse

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.routing import SMALL_BODY, Router
from app.platform.storage import StorageDisabled
from app.routers.auth.credentials.one_time_tokens import InvalidToken
from app.routers.auth.dependencies import CallingClient, CurrentSession
from app.routers.auth.schemas import Message

from . import exporting

ON_ITS_WAY = "We are preparing your data. You will get an email with a link to it."
LEADS_TO: dict[int | str, dict[str, Any]] = {
    status.HTTP_303_SEE_OTHER: {
        "description": "The archive, at a URL that expires after five minutes.",
        "headers": {
            "Location": {
                "description": "URL of the archive.",
                "schema": {"type": "string", "format": "uri"},
            }
        },
    }
}

router = Router(prefix="/data-export", body_limit=SMALL_BODY)


@router.post("", status_code=status.HTTP_202_ACCEPTED)
@raises(StorageDisabled, TooManyRequests)
def export_data(db: db_dependency, session: CurrentSession, client: CallingClient) -> Message:
    """Ask for all data about the caller.

    The caller gets an email with a link to a ZIP file, which contains JSON files. The
    link works for 24 hours. Up to three exports a day are possible.
    """
    exporting.ask_for_export(db, session, client)
    return Message(message=ON_ITS_WAY)


@router.get(
    "/download",
    status_code=status.HTTP_303_SEE_OTHER,
    response_class=RedirectResponse,
    responses=LEADS_TO,
)
@raises(InvalidToken, StorageDisabled)
def download_data(
    db: db_dependency, token: Annotated[str, Query(max_length=200)]
) -> RedirectResponse:
    """Open the emailed link to an export.

    Browsers open this address as a page. The link works for 24 hours, as often as
    needed. It stops working when the user asks for a new one, sets a new password,
    changes their email address, or deletes the account.
    """
    return RedirectResponse(exporting.url_of_export(db, token), status.HTTP_303_SEE_OTHER)
