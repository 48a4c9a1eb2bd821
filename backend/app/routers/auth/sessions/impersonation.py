"""Impersonation: staff act as a user, in a session of its own kind.

- Only active, verified accounts that are not superusers can be impersonated (`start`).
- A session lasts at most `LONGEST` and has no refresh token. The type of its access
  token tells that it is an impersonation (`security`).
- It ends with the session of the admin that began it, and when its member of staff
  loses their role (`IS_LIVE`). Each session of the admin has one impersonation at most.
- Routes about credentials, sessions and payments refuse it (`dependencies`).
- The audit log has its start, with the reason that staff give, and its end.
"""

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, exists, select, update
from sqlalchemy.orm import Session, aliased, with_expression

from app.core.config import get_settings
from app.core.errors import Conflict
from app.db import clock
from app.platform import audit
from app.platform.mail import queue_mail
from app.routers.auth import queries
from app.routers.auth.credentials import one_time_tokens, security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import InvalidToken, Purpose
from app.routers.auth.models import Impersonation, LoginSession, User
from app.routers.auth.schemas import Token
from app.routers.auth.security import (
    Access,
    InvalidSignature,
    issue_access_token,
    read_access_token,
)

LONGEST = timedelta(minutes=30)
AT_ONCE = 100  # ends that one run of the job records
# Shown instead of the browser of staff, whose address must not become a familiar one.
DEVICE = "Staff who act as this user"

_session, _user = aliased(LoginSession), aliased(User)
_staff_session, _staff = aliased(LoginSession), aliased(User)


def _lives(session: type[LoginSession]) -> ColumnElement[bool]:
    return and_(session.ended_at.is_(None), session.expires_at > clock.now())


IS_LIVE = and_(
    Impersonation.ended_at.is_(None),
    exists().where(
        _session.id == Impersonation.session_id,
        _lives(_session),
        _user.id == Impersonation.user_id,
        _user.is_active,
        ~_user.is_superuser,
        _staff_session.id == Impersonation.staff_session_id,
        _lives(_staff_session),
        _staff.id == Impersonation.staff_id,
        _staff.is_active,
        _staff.is_superuser,
    ),
)
"""The condition that an impersonation has not ended in any way."""

# Conditions on a login session. MariaDB does not lock the rows of a subquery, so a
# request of staff never waits for rows that another request locks in the other order.
IS_OF_STAFF = exists().where(Impersonation.session_id == LoginSession.id)
IS_ACTED = exists().where(Impersonation.session_id == LoginSession.id, IS_LIVE)
ACTOR = with_expression(
    User.impersonated_by,
    select(Impersonation.staff_id)
    .where(Impersonation.session_id == LoginSession.id)
    .correlate(LoginSession)
    .scalar_subquery(),
)


class NotImpersonable(Conflict):
    """The account is a superuser, not verified, disabled or deleted."""

    code = "not_impersonable"
    detail = "Staff can act only as active, verified users who are not superusers."


def is_impersonation(token: str) -> bool:
    """Return whether this is a valid token with which staff act as a user."""
    with suppress(InvalidSignature):
        return read_access_token(token).is_impersonation
    return False


def can_be_impersonated(user: User) -> bool:
    return user.is_active and user.is_verified and not (user.is_superuser or user.is_deleted)


def start(db: Session, user_id: int, staff: Access, life: timedelta, client: Client) -> str:
    """Open a session in which staff act as a user. Return a code for its token.

    `staff` names the session of the admin. The code works once (`exchange_code`). An
    earlier impersonation from the same session of the admin ends. Raises
    `NotImpersonable`.
    """
    user = db.scalar(queries.locked_accounts(User.id == user_id))
    if user is None or not can_be_impersonated(user):
        raise NotImpersonable
    _end(db, Impersonation.staff_session_id == staff.session_id)
    life = min(life, LONGEST)
    session_id = open_session(db, user, staff, life)
    security_events.record(db, "impersonation_started", user.id, client, by=staff.user_id)
    if get_settings().impersonation_mails:
        minutes = int(life.total_seconds() // 60)
        queue_mail(db, user.email, "auth/impersonated", username=user.username, minutes=minutes)
    return issue_code(db, user.id, session_id)


def open_session(db: Session, user: User, staff: Access, life: timedelta) -> int:
    """Open the session of an account that `start` would accept. Return its id."""
    session = LoginSession(
        user_id=user.id,
        created_at=clock.now(),
        last_used_at=clock.now(),
        expires_at=clock.now(life),
        ip_address="",
        user_agent=DEVICE,
    )
    db.add(session)
    db.flush()
    db.add(
        Impersonation(
            session_id=session.id,
            user_id=user.id,
            staff_id=staff.user_id,
            staff_session_id=staff.session_id,
            expires_at=clock.now(life),
        )
    )
    db.flush()
    return session.id


def issue_code(db: Session, user_id: int, session_id: int) -> str:
    """Return a code that `exchange_code` accepts once."""
    data = {"session_id": session_id}
    return one_time_tokens.issue(
        db, Purpose.IMPERSONATION, user_id=user_id, data=data, replaces=False
    )


def exchange_code(db: Session, code: str) -> Token:
    """Return the access token of the session that `start` opened.

    Raises `InvalidToken`.
    """
    row = one_time_tokens.redeem(db, Purpose.IMPERSONATION, code)
    user = one_time_tokens.owner_of(db, row)
    session_id = one_time_tokens.data_of(row)["session_id"]
    live = select(LoginSession.expires_at, clock.now()).where(LoginSession.id == session_id)
    found = db.execute(live.where(IS_ACTED)).first()
    if found is None:
        raise InvalidToken
    expires_at, at = found
    left = expires_at - at
    token = issue_access_token(Access(user.id, session_id, is_impersonation=True), left)
    return Token(access_token=token, expires_in=int(left.total_seconds()))


def end(db: Session, impersonation_id: int) -> None:
    """End an impersonation at once, and record its end. If it has ended, do nothing."""
    _end(db, Impersonation.id == impersonation_id)


def _end(db: Session, which: ColumnElement[bool]) -> None:
    sessions = select(Impersonation.session_id).where(which, Impersonation.ended_at.is_(None))
    ids = db.scalars(sessions).all()
    these = update(LoginSession).where(LoginSession.id.in_(ids), LoginSession.ended_at.is_(None))
    db.execute(these.values(ended_at=clock.now()))
    close_ended(db, which)


def close_ended(db: Session, which: ColumnElement[bool] | None = None) -> int:
    """Record the end of each impersonation that is no longer live. Return their number.

    Several requests and the job may do this at once. One of them records the end.
    """
    over = select(Impersonation).where(Impersonation.ended_at.is_(None), ~IS_LIVE)
    if which is not None:
        over = over.where(which)
    found = db.scalars(over.order_by(Impersonation.id).limit(AT_ONCE)).all()
    return sum(_close(db, one) for one in found)


def _close(db: Session, over: Impersonation) -> int:
    this = update(Impersonation).where(
        Impersonation.id == over.id, Impersonation.ended_at.is_(None)
    )
    closed = db.execute(
        this.values(ended_at=clock.now()).execution_options(synchronize_session=False)
    )
    if closed.rowcount != 1:  # type: ignore[attr-defined]  # an update has a count
        return 0
    summary = f"Acting as user {over.user_id} ended."
    entry = audit.Entry(over.staff_id, "users.impersonation-end", f"users:{over.user_id}", summary)
    audit.record(db, entry)
    security_events.record(db, "impersonation_ended", over.user_id, by=over.staff_id)
    return 1
