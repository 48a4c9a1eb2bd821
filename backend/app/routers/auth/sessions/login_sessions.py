"""Session rules: opening, listing and ending sessions."""

from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, bindparam, select, update
from sqlalchemy.orm import Session, contains_eager

from app.core.config import get_settings
from app.core.errors import Forbidden, NotFound, Unauthenticated
from app.db import clock
from app.db.demands import keep_demanding
from app.routers.auth import queries
from app.routers.auth.credentials import security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import LoginSession, User
from app.routers.auth.schemas import Token
from app.routers.auth.security import (
    ACCESS_TOKEN_LIFE,
    Access,
    InvalidSignature,
    issue_access_token,
    issue_refresh_token,
    read_access_token,
    read_refresh_token,
)

LIFE = timedelta(days=30)  # from sign-in; using a session does not extend it
# The most live sessions per user. Without a limit, ending all of a user's sessions
# could take arbitrarily long.
MOST = 1_000
TRIMMED = 100  # most sessions to end at one sign-in
SHOWN = 100
# The maximum age of a sign-in that can replace a password check.
FRESH = timedelta(minutes=10)


class SessionNotFound(NotFound):
    """The session does not exist, has ended, or belongs to another user."""

    code = "session_not_found"
    detail = "You have no such session. `GET /auth/sessions` lists yours."


class SessionNotFresh(Forbidden):
    """The account has no password to check, and the sign-in was too long ago."""

    code = "session_not_fresh"
    detail = "Your sign-in is more than ten minutes old. Sign in again, then repeat this request."


def open_session(db: Session, user: User, client: Client) -> Token:
    """Open a session, and return its first tokens.

    If the user already has `MOST` sessions, the oldest ones end.
    """
    _trim(db, user.id)
    session = LoginSession(
        user_id=user.id,
        created_at=clock.now(),
        last_used_at=clock.now(),
        expires_at=clock.now(LIFE),
        refresh_count=0,
        ip_address=client.ip_address[:45],
        user_agent=client.user_agent[:255],
    )
    db.add(session)
    db.flush()
    security_events.record(db, "login", user.id, client, session_id=session.id)
    return tokens_of(session)


def _trim(db: Session, user_id: int) -> None:
    not_ended = select(LoginSession.id).where(
        LoginSession.user_id == user_id, LoginSession.ended_at.is_(None)
    )
    beyond = not_ended.order_by(*_newest_first()).offset(MOST - 1).limit(TRIMMED)
    if ids := db.scalars(beyond).all():
        db.execute(
            update(LoginSession).where(LoginSession.id.in_(ids)).values(ended_at=clock.now())
        )


def _newest_first() -> tuple[ColumnElement[Any], ...]:
    """Order live sessions, newest first.

    `ended_at` is always null here. The column is part of the order because it is part
    of the index.
    """
    return LoginSession.ended_at.desc(), LoginSession.id.desc()


def tokens_of(session: LoginSession) -> Token:
    return Token(
        access_token=issue_access_token(Access(session.user_id, session.id)),
        expires_in=int(ACCESS_TOKEN_LIFE.total_seconds()),
        refresh_token=issue_refresh_token(session.id, session.refresh_count),
    )


def live_sessions() -> Select[LoginSession]:
    """Select live sessions, each with its active user, in one statement."""
    return (
        select(LoginSession)
        # The `users` table comes first, because MariaDB locks rows in table order, and
        # every request locks the user first.
        .select_from(User)
        .join(LoginSession, LoginSession.user_id == User.id)
        .options(contains_eager(LoginSession.user))
        .where(
            LoginSession.ended_at.is_(None), LoginSession.expires_at > clock.now(), User.is_active
        )
    )


# These statements are built once, because building takes longer than executing.
_NAMED = live_sessions().where(
    User.id == bindparam("user_id"), LoginSession.id == bindparam("session_id")
)
# `contains_eager` loads the user, and the facts are attributes of the user.
_SHOWN = _NAMED.options(contains_eager(LoginSession.user).options(*queries.FACTS))
_HELD = _NAMED.with_for_update(key_share=True, of=[User, LoginSession]).execution_options(
    populate_existing=True
)


def session_of_token(db: Session, token: str) -> LoginSession:
    """Return an access token's live session, with everything that `Me` shows.

    Raises `Unauthenticated` for an invalid token and for an ended session.
    """
    google = get_settings().google_issuer
    return _live(db, _SHOWN, {**_named_by(token), "google": google})


def hold_session_of_token(db: Session, token: str) -> LoginSession:
    """Return a token's live session, locked together with its user.

    Requests that write use this function. The locks last until the transaction ends.
    Another request that deletes, disables or demotes the user, resets the password or
    ends the session waits for this request. If the other request came first, this one
    is refused.

    If this request continues in another transaction, `demand_again` locks both rows
    again. Raises `Unauthenticated`, including when the user has lost rights between two
    transactions.
    """
    named = _named_by(token)
    session = _held(db, named)
    rights = _rights(session.user)

    def hold_again() -> None:
        user = _held(db, named).user
        if any(had and not has for had, has in zip(rights, _rights(user), strict=True)):
            raise Unauthenticated

    keep_demanding(db, hold_again)
    return session


def _held(db: Session, named: dict[str, Any]) -> LoginSession:
    """Lock the session and its user in the statement that reads them.

    This way the locks need no extra statement. The session is locked as well, because a
    password reset ends it, and after waiting for a lock PostgreSQL rereads only locked
    rows. `of` names the user first, because every request locks the user first.

    The locks are exclusive, although this makes one user's requests wait for each
    other. With shared locks, two requests could both lock the user's row. If both then
    changed the row, they would deadlock.
    """
    return _live(db, _HELD, named)


def _live(db: Session, statement: Select[LoginSession], values: dict[str, Any]) -> LoginSession:
    session = db.scalar(statement, values)
    if session is None:
        raise Unauthenticated
    return session


def _named_by(token: str) -> dict[str, Any]:
    try:
        access = read_access_token(token)
    except InvalidSignature as error:
        raise Unauthenticated from error
    return {"user_id": access.user_id, "session_id": access.session_id}


def _rights(user: User) -> tuple[bool, bool]:
    return user.is_verified, user.is_superuser


def list_sessions(db: Session, user: User) -> list[LoginSession]:
    """Return at most `SHOWN` of the user's live sessions, newest first."""
    mine = live_sessions().where(LoginSession.user_id == user.id)
    return list(db.scalars(mine.order_by(*_newest_first()).limit(SHOWN)))


def end_session_of_token(
    db: Session, *, access_token: str | None = None, refresh_token: str | None = None
) -> bool:
    """End the session that each of these tokens names.

    Return whether at least one token has a valid signature. An expired or used token is
    accepted here, because it gives no access and signing out must always be possible.
    """
    named = set()
    with suppress(InvalidSignature):
        named.add(read_access_token(access_token or "", even_expired=True).session_id)
    with suppress(InvalidSignature):
        named.add(read_refresh_token(refresh_token or "")[0])
    these = update(LoginSession).where(
        LoginSession.id.in_(sorted(named)), LoginSession.ended_at.is_(None)
    )
    db.execute(these.values(ended_at=clock.now()))
    return bool(named)


def end_session(db: Session, user: User, session_id: int) -> None:
    """End a session. Raises `SessionNotFound`, also if it has just been ended."""
    lives = (LoginSession.ended_at.is_(None), LoginSession.expires_at > clock.now())
    this = update(LoginSession).where(
        LoginSession.id == session_id, LoginSession.user_id == user.id, *lives
    )
    ended = cast("CursorResult[Any]", db.execute(this.values(ended_at=clock.now())))
    if ended.rowcount != 1:
        raise SessionNotFound


def end_sessions(db: Session, user_id: int, *, but: LoginSession | None = None) -> None:
    """End all sessions of a user at once, except the session `but`."""
    db.scalar(queries.locked_accounts(User.id == user_id))
    theirs = update(LoginSession).where(
        LoginSession.user_id == user_id, LoginSession.ended_at.is_(None)
    )
    if but is not None:
        theirs = theirs.where(LoginSession.id != but.id)
    db.execute(theirs.values(ended_at=clock.now()))


def lock_user(db: Session, session: LoginSession) -> User:
    """Lock the user of this session, and read the user and the session again.

    A request may have waited for a password reset, which ends all sessions. A request
    whose session has ended must not change anything. Raises `Unauthenticated` if the
    session has ended.
    """
    user = db.scalar(queries.locked_accounts(User.id == session.user_id))
    lives = live_sessions().where(LoginSession.id == session.id)
    if user is None or db.scalar(lives.execution_options(populate_existing=True)) is None:
        raise Unauthenticated
    return user


def require_fresh(db: Session, session: LoginSession) -> None:
    """Raise `SessionNotFresh` if the sign-in is older than `FRESH`."""
    if clock.read_database_time(db) - session.created_at > FRESH:
        raise SessionNotFresh
