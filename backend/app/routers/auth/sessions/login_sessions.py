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
from app.platform import activity
from app.routers.auth import queries
from app.routers.auth.credentials import security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import Impersonation, LoginSession, User
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

from . import impersonation

LIFE = timedelta(days=30)  # counted from sign-in; using a session does not extend its life
# Maximum number of live sessions per user. Without a limit, ending all of a user's
# sessions could take arbitrarily long.
MOST = 1_000
TRIMMED = 100  # maximum number of sessions that one sign-in ends
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

    If the user already has `MOST` sessions, the oldest sessions end.
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


# These statements are built once, because building a statement takes longer than
# executing it.
_NAMED = live_sessions().where(
    User.id == bindparam("user_id"), LoginSession.id == bindparam("session_id")
)
# `contains_eager` loads the user, and the facts are attributes of the user.
_SHOWN = _NAMED.options(contains_eager(LoginSession.user).options(*queries.FACTS))
# In a session of staff who act as the user, every statement also reads who acts.
_ACTED = _SHOWN.where(impersonation.IS_ACTED).options(
    contains_eager(LoginSession.user).options(impersonation.ACTOR)
)


def _holding(statement: Select[LoginSession]) -> Select[LoginSession]:
    locked = statement.with_for_update(key_share=True, of=[User, LoginSession])
    return locked.execution_options(populate_existing=True)


_HELD, _ACTED_HELD = _holding(_NAMED), _holding(_ACTED)


def session_of_token(db: Session, token: str) -> LoginSession:
    """Return an access token's live session, with everything that `Me` shows.

    Raises `Unauthenticated` for an invalid token and for an ended session.
    """
    access = _access_of(token)
    return _live(db, _ACTED if access.is_impersonation else _SHOWN, access)


def hold_session_of_token(db: Session, token: str) -> LoginSession:
    """Return a token's live session, locked together with its user.

    Requests that write use this function. The locks last until the transaction ends.
    Another request that deletes, disables or demotes the user, resets the password or
    ends the session waits for this request. If the other request came first, this
    request is refused.

    If this request continues in another transaction, `demand_again` locks both rows
    again. Raises `Unauthenticated`, including when the user has lost rights between two
    transactions.
    """
    access = _access_of(token)
    session = _held(db, access)
    rights = _rights(session.user)

    def hold_again() -> None:
        user = _held(db, access).user
        if any(had and not has for had, has in zip(rights, _rights(user), strict=True)):
            raise Unauthenticated

    keep_demanding(db, hold_again)
    return session


def _held(db: Session, access: Access) -> LoginSession:
    """Lock the session and its user in the statement that reads them.

    This way the locks need no extra statement. The session is locked as well, because a
    password reset may end the session, and PostgreSQL rereads only locked rows after
    waiting for a lock. `of` names the user first, because every request locks the user
    first.

    The locks are exclusive, although this makes one user's requests wait for each
    other. With shared locks, two requests could both lock the user's row. If both then
    changed the row, they would deadlock.
    """
    return _live(db, _ACTED_HELD if access.is_impersonation else _HELD, access)


def _live(db: Session, statement: Select[LoginSession], access: Access) -> LoginSession:
    named = {"user_id": access.user_id, "session_id": access.session_id}
    session = db.scalar(statement, {**named, "google": get_settings().google_issuer})
    if session is None:
        raise Unauthenticated
    return session


def _access_of(token: str) -> Access:
    try:
        return read_access_token(token)
    except InvalidSignature as error:
        raise Unauthenticated from error


def _rights(user: User) -> tuple[bool, bool]:
    return user.is_verified, user.is_superuser


def list_sessions(db: Session, user: User) -> list[LoginSession]:
    """Return at most `SHOWN` of the user's live sessions, newest first.

    Sessions of staff are not among them.
    """
    mine = live_sessions().where(LoginSession.user_id == user.id, ~impersonation.IS_OF_STAFF)
    return list(db.scalars(mine.order_by(*_newest_first()).limit(SHOWN)))


def end_session_of_token(
    db: Session, *, access_token: str | None = None, refresh_token: str | None = None
) -> bool:
    """End the session that each of these tokens names.

    Return whether at least one token has a valid signature. An expired or used token is
    accepted here, because it gives no access and signing out must always be possible.
    """
    named, acted = set(), False
    with suppress(InvalidSignature):
        access = read_access_token(access_token or "", even_expired=True)
        named, acted = {access.session_id}, access.is_impersonation
    with suppress(InvalidSignature):
        named.add(read_refresh_token(refresh_token or "")[0])
    these = LoginSession.id.in_(sorted(named)), LoginSession.ended_at.is_(None)
    owners = set(db.scalars(select(LoginSession.user_id).where(*these))) if named else ()
    for user_id in owners:
        db.execute(update(LoginSession).where(*these).values(ended_at=clock.now()))
        if not acted:
            _record(db, user_id, "logout", "You signed out.")
    if acted:
        impersonation.close_ended(db, Impersonation.session_id.in_(named))
    return bool(named)


def end_session(db: Session, user: User, session_id: int) -> None:
    """End a session. Raises `SessionNotFound`, also if the session has just ended."""
    lives = (LoginSession.ended_at.is_(None), LoginSession.expires_at > clock.now())
    this = update(LoginSession).where(
        LoginSession.id == session_id, LoginSession.user_id == user.id, *lives
    )
    ended = cast("CursorResult[Any]", db.execute(this.values(ended_at=clock.now())))
    if ended.rowcount != 1:
        raise SessionNotFound
    _record(db, user.id, "session_ended", "A session was ended.")


def end_every_session(db: Session, user_id: int) -> None:
    """End all sessions of a user who asks for that."""
    end_sessions(db, user_id)
    _record(db, user_id, "sessions_ended", "All sessions were ended.")


def _record(db: Session, user_id: int, event: str, summary: str) -> None:
    activity.record(db, user_id, activity.Kind.SIGN_IN, {"event": event}, summary=summary)


def end_sessions(db: Session, user_id: int, *, but: LoginSession | None = None) -> None:
    """End all sessions of a user except the session `but`, in one statement."""
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
