"""The rules of sessions: opened by a sign-in, kept by refresh tokens, ended by their owner or by a theft."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, select, update
from sqlalchemy.orm import Session, contains_eager

from app.core.errors import Forbidden, NotFound, Unauthenticated
from app.db import clock
from app.db.demands import keep_demanding
from app.platform.mail import queue_mail

from . import events, queries
from .models import LoginSession, User
from .schemas import Token
from .security import (
    ACCESS_TOKEN_LIFE,
    Access,
    InvalidSignature,
    issue_access_token,
    issue_refresh_token,
    read_access_token,
    read_refresh_token,
)

LIFE = timedelta(days=30)  # from the sign-in on; use does not move it
GRACE = timedelta(seconds=10)  # two tabs of one browser may send the same refresh token
MOST = 1_000  # live sessions of one user: ending them all must not take longer the more there are
TRIMMED = 100  # as many make way at one sign-in, where there are more than that
SHOWN = 100
FRESH = timedelta(minutes=10)  # how recent a sign-in must be where there is no password to ask for


class InvalidRefreshToken(Unauthenticated):
    """Unknown, expired, of an ended session, or used before. The last ends the session, which must outlive the 401."""

    code = "invalid_refresh_token"
    detail = "This refresh token is not valid. Sign in again."
    commits = True


class SessionNotFound(NotFound):
    """It does not exist, has ended, or is another user's: from outside they look the same."""

    code = "session_not_found"
    detail = "You have no such session. `GET /auth/sessions` lists yours."


class SessionNotFresh(Forbidden):
    """The account has no password to ask for, and the sign-in was too long ago."""

    code = "session_not_fresh"
    detail = "Your sign-in is more than ten minutes old. Sign in again, then repeat this request."


@dataclass(frozen=True)
class Client:
    """Where a request comes from."""

    ip_address: str
    user_agent: str


def open_session(db: Session, user: User, client: Client) -> Token:
    """A new session and its first tokens. The oldest one makes way where the user has `MOST`."""
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
    events.record(db, "login", user.id, client, session_id=session.id)
    return _tokens(session)


def _trim(db: Session, user_id: int) -> None:
    not_ended = select(LoginSession.id).where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
    beyond = not_ended.order_by(*_newest_first()).offset(MOST - 1).limit(TRIMMED)
    if ids := db.scalars(beyond).all():
        db.execute(update(LoginSession).where(LoginSession.id.in_(ids)).values(ended_at=clock.now()))


def _newest_first() -> tuple[ColumnElement[Any], ...]:
    """Of sessions that have not ended, in the order of an index, which is why it names `ended_at`."""
    return LoginSession.ended_at.desc(), LoginSession.id.desc()


def _tokens(session: LoginSession) -> Token:
    return Token(
        access_token=issue_access_token(Access(session.user_id, session.id)),
        expires_in=int(ACCESS_TOKEN_LIFE.total_seconds()),
        refresh_token=issue_refresh_token(session.id, session.refresh_count),
    )


def live_sessions() -> Select[LoginSession]:
    """Sessions that let somebody in, each with its active user, in one statement."""
    return (
        select(LoginSession)
        .select_from(User)  # first: MariaDB locks in the order of tables, and everybody locks the user first
        .join(LoginSession, LoginSession.user_id == User.id)
        .options(contains_eager(LoginSession.user))
        .where(LoginSession.ended_at.is_(None), LoginSession.expires_at > clock.now(), User.is_active)
    )


def session_of_token(db: Session, token: str) -> LoginSession:
    """The live session that an access token names. Raises `Unauthenticated` for every fault alike."""
    return _live(db, live_sessions().where(*_named_by(token)))


def hold_session_of_token(db: Session, token: str) -> LoginSession:
    """The same, for a request that writes: session and user stay as they are until its transaction ends.

    Whoever deletes, disables or demotes the user, resets the password or ends the session waits until then, or was
    first, and the request is refused. Where the request goes on in another transaction, `demand_again` holds both
    again. Raises `Unauthenticated`, then also for a user who may do less than before.
    """
    named = _named_by(token)
    session = _held(db, *named)
    rights = _rights(session.user)

    def hold_again() -> None:
        user = _held(db, *named).user
        if any(had and not has for had, has in zip(rights, _rights(user), strict=True)):
            raise Unauthenticated

    keep_demanding(db, hold_again)
    return session


def _held(db: Session, *named: ColumnElement[bool]) -> LoginSession:
    """Lock both rows by the statement that reads them: it costs no other.

    The session is locked, too, because a reset ends it: PostgreSQL, once it has waited, looks again at the rows that it
    locks, and at no others. The user comes first, in the order of `of`, as everywhere. Not a shared lock, though one
    user's requests wait for each other so: a feature that locks or changes its user's row would then wait for another
    request of the same user that wants the same, and the two would wait for each other.
    """
    held = live_sessions().where(*named).with_for_update(key_share=True, of=[User, LoginSession])
    return _live(db, held.execution_options(populate_existing=True))


def _live(db: Session, statement: Select[LoginSession]) -> LoginSession:
    session = db.scalar(statement)
    if session is None:
        raise Unauthenticated
    return session


def _named_by(token: str) -> tuple[ColumnElement[bool], ...]:
    try:
        access = read_access_token(token)
    except InvalidSignature as error:
        raise Unauthenticated from error
    return (User.id == access.user_id, LoginSession.id == access.session_id)


def _rights(user: User) -> tuple[bool, bool]:
    return user.is_verified, user.is_superuser


def refresh(db: Session, token: str, client: Client) -> Token:
    """New tokens for the newest refresh token of a live session.

    The one before gets the same successor for `GRACE`. Any older one was stolen, or its successor was: the session
    ends, its owner gets a mail (RFC 9700, 4.14.2). Raises `InvalidRefreshToken`.
    """
    try:
        session_id, number = read_refresh_token(token)
    except InvalidSignature as error:
        raise InvalidRefreshToken from error
    # Locked, so that of two at once the second sees what the first has done; the user first, as everywhere.
    owner = select(LoginSession.user_id).where(LoginSession.id == session_id).scalar_subquery()
    db.scalar(queries.locked(User.id == owner))
    this = live_sessions().where(LoginSession.id == session_id).with_for_update(of=LoginSession)
    found = db.execute(this.add_columns(LoginSession.refreshed_at >= clock.now(-GRACE))).first()
    if found is None:
        raise InvalidRefreshToken
    session, within_grace = found
    if number == session.refresh_count:
        session.refresh_count += 1
        session.refreshed_at = session.last_used_at = clock.now()
        session.ip_address = client.ip_address[:45]
        db.flush()
    elif not (within_grace and number == session.refresh_count - 1):
        _end_stolen(db, session, client)
        raise InvalidRefreshToken
    return _tokens(session)


def _end_stolen(db: Session, session: LoginSession, client: Client) -> None:
    session.ended_at = clock.now()
    events.record(db, "refresh_reuse", session.user_id, client, session_id=session.id)
    queue_mail(db, session.user.email, "auth/session_reuse", username=session.user.username)
    db.flush()


def list_sessions(db: Session, user: User) -> list[LoginSession]:
    """One's own that live, newest first, `SHOWN` at most."""
    mine = live_sessions().where(LoginSession.user_id == user.id)
    return list(db.scalars(mine.order_by(*_newest_first()).limit(SHOWN)))


def end_session_of_token(db: Session, *, access_token: str | None = None, refresh_token: str | None = None) -> bool:
    """End the sessions that these tokens name. Return whether at least one token carries our signature.

    An expired or used token counts too. It gives no access, and signing out must always be possible.
    """
    named = set()
    with suppress(InvalidSignature):
        named.add(read_access_token(access_token or "", even_expired=True).session_id)
    with suppress(InvalidSignature):
        named.add(read_refresh_token(refresh_token or "")[0])
    these = update(LoginSession).where(LoginSession.id.in_(sorted(named)), LoginSession.ended_at.is_(None))
    db.execute(these.values(ended_at=clock.now()))
    return bool(named)


def end_session(db: Session, user: User, session_id: int) -> None:
    """Raises `SessionNotFound`, also for one that another request has just ended."""
    lives = (LoginSession.ended_at.is_(None), LoginSession.expires_at > clock.now())
    this = update(LoginSession).where(LoginSession.id == session_id, LoginSession.user_id == user.id, *lives)
    ended = cast("CursorResult[Any]", db.execute(this.values(ended_at=clock.now())))
    if ended.rowcount != 1:
        raise SessionNotFound


def end_sessions(db: Session, user_id: int, *, but: LoginSession | None = None) -> None:
    """End all sessions of a user, at once, perhaps but the one that asks."""
    db.scalar(queries.locked(User.id == user_id))
    theirs = update(LoginSession).where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
    if but is not None:
        theirs = theirs.where(LoginSession.id != but.id)
    db.execute(theirs.values(ended_at=clock.now()))


def lock_user(db: Session, session: LoginSession) -> User:
    """The user of this session, locked; both as they are now. Raises `Unauthenticated` where it has ended meanwhile.

    What asks for a change may have waited for a reset, which ends all sessions: nothing of before may outlive it.
    """
    user = db.scalar(queries.locked(User.id == session.user_id))
    lives = live_sessions().where(LoginSession.id == session.id)
    if user is None or db.scalar(lives.execution_options(populate_existing=True)) is None:
        raise Unauthenticated
    return user


def require_fresh(db: Session, session: LoginSession) -> None:
    """Raise `SessionNotFresh` for a sign-in that is older than `FRESH`."""
    if clock.read(db) - session.created_at > FRESH:
        raise SessionNotFresh
