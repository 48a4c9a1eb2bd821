"""A user asks for their data, and gets a link to an archive by email.

| Step | What happens |
|---|---|
| the request | queues a job, and responds at once |
| the job | stores the archive, then sends the link and plans the deletion |
| the link | leads to a URL of the storage, as often as needed, for 24 hours |
| 24 hours later | a job deletes the archive |

The link works without a sign-in, because a browser opens it from the email. Like every
emailed link, it is revoked by a password reset and by a change of the email address.
"""

import secrets
import tempfile
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.db import clock
from app.platform.jobs import Failure, enqueue
from app.platform.limits import RateLimit
from app.platform.mail import queue_mail
from app.platform.storage import StorageDisabled, object_storage
from app.routers.auth import hooks, queries
from app.routers.auth.credentials import one_time_tokens, security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import LIFE, Purpose
from app.routers.auth.models import LoginSession, OneTimeToken, User

from .archive import write_archive

EXPORTS = RateLimit("data exports", "3 per day")  # limit per account
URL_LIFE = timedelta(minutes=5)


def ask_for_export(db: Session, session: LoginSession, client: Client) -> None:
    """Queue the job. Raises `StorageDisabled`, `TooManyRequests`.

    While an export of the account is queued, another one changes nothing.
    """
    object_storage()
    EXPORTS.hit(f"user:{session.user_id}")
    security_events.record(db, "data_export_asked", session.user_id, client, session_id=session.id)
    wanted = {"user_id": session.user_id, "object": f"data-exports/{secrets.token_hex(16)}.zip"}
    enqueue(db, "auth.export_data", wanted, key=f"export of user {session.user_id}")


def deliver_export(db: Session, user_id: int, name: str) -> None:
    """Store the archive, and email a link to it.

    The archive is written before the transaction begins, because the storage may be
    slow. A repeated attempt replaces the archive of the first. If the account was
    deleted in the meantime, the archive is deleted at once.
    """
    with tempfile.TemporaryFile() as file:
        write_archive(file, user_id)
        file.seek(0)
        object_storage().write(name, file)
    user = db.scalar(queries.locked_accounts(User.id == user_id, User.is_active))
    if user is None:
        enqueue(db, "auth.delete_export", {"object": name})
        return
    life = LIFE[Purpose.DATA_EXPORT]
    token = one_time_tokens.issue(db, Purpose.DATA_EXPORT, user_id=user.id, data={"object": name})
    enqueue(db, "auth.delete_export", {"object": name}, after=life)
    settings = get_settings()
    address = f"{settings.public_url}{settings.api_prefix}/auth/data-export/download"
    queue_mail(
        db,
        user.email,
        "auth/data_export",
        useful_for=life,
        username=user.username,
        link=f"{address}?token={token}",
        hours=life // timedelta(hours=1),
    )


def discard_export(db: Session, payload: dict[str, str], failure: Failure) -> None:
    """Delete what a job has stored that failed for good."""
    if failure.is_final:
        enqueue(db, "auth.delete_export", {"object": payload["object"]})


def url_of_export(db: Session, token: str) -> str:
    """Return a URL of the archive. Raises `InvalidToken`, `StorageDisabled`."""
    row = one_time_tokens.find_live_token(db, Purpose.DATA_EXPORT, token)
    name = one_time_tokens.data_of(row)["object"]
    return object_storage().download_url(name, "data-export.zip", URL_LIFE)


def delete_export(name: str) -> None:
    """Delete an archive. Without storage, there is nothing left to delete."""
    try:
        object_storage().delete(name)
    except StorageDisabled:
        return


@hooks.before_deletion
def delete_exports(db: Session, user: User) -> None:
    """Queue the deletion of the user's archive, once the account is deleted."""
    live = (OneTimeToken.purpose == Purpose.DATA_EXPORT, OneTimeToken.expires_at > clock.now())
    for row in db.scalars(select(OneTimeToken).where(OneTimeToken.user_id == user.id, *live)):
        enqueue(db, "auth.delete_export", {"object": one_time_tokens.data_of(row)["object"]})
