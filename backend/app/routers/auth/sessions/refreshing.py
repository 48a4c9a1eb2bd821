"""Refresh tokens: each is exchanged once, and reuse reveals a theft."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Unauthenticated
from app.db import clock
from app.platform.mail import queue_mail
from app.routers.auth import queries
from app.routers.auth.credentials import security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import LoginSession, User
from app.routers.auth.schemas import Token
from app.routers.auth.security import InvalidSignature, read_refresh_token

from .login_sessions import live_sessions, tokens_of

GRACE = timedelta(seconds=10)  # two tabs of one browser may send the same token


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, expired or used, or its session has ended.

    Reusing a token ends its session. The transaction is committed despite the 401
    response, so that the session stays ended.
    """

    code = "invalid_refresh_token"
    detail = "This refresh token is not valid. Sign in again."
    commits = True


def refresh(db: Session, token: str, client: Client) -> Token:
    """Exchange the newest refresh token of a live session for new tokens.

    For `GRACE` after a token is used, sending it again returns the same new token.
    Using an older token means that a token was stolen. The session then ends, and its
    owner gets an email (RFC 9700, 4.14.2). Raises `InvalidRefreshToken`.
    """
    try:
        session_id, number = read_refresh_token(token)
    except InvalidSignature as error:
        raise InvalidRefreshToken from error
    # Lock the rows, so that the second of two simultaneous requests sees what the first
    # has changed. The user is locked first, as in every request.
    owner = select(LoginSession.user_id).where(LoginSession.id == session_id).scalar_subquery()
    db.scalar(queries.locked_accounts(User.id == owner))
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
    return tokens_of(session)


def _end_stolen(db: Session, session: LoginSession, client: Client) -> None:
    session.ended_at = clock.now()
    security_events.record(db, "refresh_reuse", session.user_id, client, session_id=session.id)
    queue_mail(db, session.user.email, "auth/session_reuse", username=session.user.username)
    db.flush()
