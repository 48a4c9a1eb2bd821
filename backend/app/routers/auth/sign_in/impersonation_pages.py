"""Impersonation in the admin: the action on an account, and the list of sessions."""

from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import Unprocessable
from app.core.types import MAX_ID
from app.platform.admin.views import (
    Action,
    Badge,
    Column,
    Done,
    Field,
    Given,
    Person,
    View,
)
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import Impersonation, User
from app.routers.auth.security import Access
from app.routers.auth.sessions import impersonation

LONGEST = int(impersonation.LONGEST.total_seconds() // 60)  # minutes


def _impersonate(db: Session, user: User, given: Given) -> Done:
    minutes = given.values["minutes"]
    if not (minutes.isascii() and minutes.isdigit() and 1 <= int(minutes) <= LONGEST):
        raise Unprocessable(f"“Minutes” must be a number from 1 to {LONGEST}.")
    staff = Access(given.staff_id, given.session_id)
    client = Client(given.ip_address, given.user_agent)
    code = impersonation.start(db, user.id, staff, timedelta(minutes=int(minutes)), client)
    said = f"You can act as {user.username} for {minutes} minutes. The link works once."
    # Browsers do not send the part after # to a server, so no log has the code.
    url = f"{get_settings().frontend_url}/impersonate#{code}"
    return Done(said, f"Open the application as {user.username}", url)


def _end(db: Session, row: Impersonation, _given: Given) -> str:
    impersonation.end(db, row.id)
    return "The session has ended, and its token works no more."


def _of_user(text: str) -> ColumnElement[bool] | None:
    number = text.removeprefix("user:")
    if number == text or not (number.isascii() and number.isdigit()) or int(number[:20]) > MAX_ID:
        return None
    found: ColumnElement[bool] = Impersonation.user_id == int(number)
    return found


IMPERSONATE = Action(
    "impersonate",
    "Act as this user",
    _impersonate,
    about="Opens the application as this user, who gets an email unless a setting prevents it. "
    "Credentials, sessions and payments stay closed to you.",
    when=impersonation.can_be_impersonated,
    fields=(
        Field(
            "minutes",
            "Minutes",
            "number",
            longest=2,
            about=f"At most {LONGEST}. The session also ends when you sign out here.",
            value=lambda _user: str(LONGEST // 2),
        ),
    ),
)
COLUMNS = (
    Column("User", lambda row: Person(row.user_id)),
    Column("Staff", lambda row: Person(row.staff_id)),
    Column("State", lambda row: Badge("ended") if row.ended_at else Badge("open", "warning")),
    Column("Began", lambda row: row.started_at),
    Column("Ends at the latest", lambda row: row.expires_at),
    Column("Ended", lambda row: row.ended_at),
)
IMPERSONATIONS = View(
    key="impersonations",
    title="Staff acting as users",
    group="Accounts",
    model=Impersonation,
    about="The audit log has the reasons. An end is noticed within a minute.",
    columns=COLUMNS,
    find=_of_user,
    of_user="user:{}",
    actions=(
        Action(
            "end",
            "End it now",
            _end,
            when=lambda row: row.ended_at is None,
            is_dangerous=False,
        ),
    ),
)
