"""Sign-in of staff at `/admin`: the gate that `app.platform.admin` requires.

Staff are superusers with a password. After the sign-in, they have a *pass*: a cookie
that no other part of the API accepts. Each pass names a separate login session, and is
valid until that session ends. The session ends after `LIFE`, when the user signs out,
when the password is reset, or when other staff demote, disable or sign out the user.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.keys import BadSignature, sign_payload, unsign_payload
from app.db import clock
from app.platform import audit
from app.platform.admin.staff import CodeNeeded, SignInNeeded, Staff, Visitor
from app.routers.auth.credentials.client import Client
from app.routers.auth.errors import SuperuserOnly
from app.routers.auth.mfa import answering, second_factor
from app.routers.auth.models import Impersonation, LoginSession, User
from app.routers.auth.schemas import Login, Token
from app.routers.auth.security import hashing, read_access_token
from app.routers.auth.sessions import impersonation, login_sessions
from app.routers.auth.sessions.reauthentication import InvalidCredentials, require_owner

from . import with_password

PURPOSE = "staff passes"
LIFE = timedelta(hours=8)
LONGEST_PASSWORD = 1_000
MAX_PASS = 400  # characters


class StaffGate:
    """The gate of the admin."""

    seconds = int(LIFE.total_seconds())

    def slot(self) -> AbstractAsyncContextManager[None]:
        return hashing.slot()

    def sign_in(self, db: Session, name: str, password: str, visitor: Visitor) -> str:
        """Return a pass for a correct password.

        The same limits apply as at any other sign-in. Raises `InvalidCredentials`,
        `EmailNotVerified`, `AccountDisabled`, `SuperuserOnly`, `CodeNeeded`,
        `TooManyRequests`.
        """
        if not (name and password and len(password) <= LONGEST_PASSWORD):
            raise InvalidCredentials
        data = Login.model_construct(username=name, password=password)
        try:
            token = with_password.sign_in(db, data, _client(visitor))
        except second_factor.MfaRequired as needed:
            raise CodeNeeded(needed.members["mfa_token"]) from None
        return _pass_of(db, token)

    def answer(self, db: Session, challenge: str, code: str, visitor: Visitor) -> str:
        """Return a pass for a correct code. Raises `InvalidCode`, `SuperuserOnly`."""
        return _pass_of(db, answering.answer_challenge(db, challenge, code, _client(visitor)))

    def find(self, db: Session, given: str, *, hold: bool) -> Staff:
        session, confirmed_at, at = _session_of(db, given, hold=hold)
        user = session.user
        is_fresh = at - confirmed_at <= login_sessions.FRESH
        return Staff(
            user.id, session.id, user.username, is_fresh, second_factor.is_enabled(db, user.id)
        )

    def confirm(self, db: Session, given: str, password: str, code: str, visitor: Visitor) -> str:
        """Return a fresh pass for a correct password.

        A user with a second factor must also send a correct code. Raises
        `InvalidCredentials`, `InvalidCode`, `TooManyRequests`.
        """
        session, _, at = _session_of(db, given, hold=False)
        require_owner(session, password, _client(visitor))
        user = session.user
        if second_factor.is_enabled(db, user.id):
            with answering.limited_guesses(user.id, code):
                second_factor.require_code(db, user, code, _client(visitor))
        return _signed(session, at)

    def sign_out(self, db: Session, given: str) -> None:
        try:
            session, _, _ = _session_of(db, given, hold=True)
        except SignInNeeded:
            return
        login_sessions.end_session(db, session.user, session.id)
        impersonation.close_ended(db, Impersonation.staff_session_id == session.id)

    def names(self, db: Session, user_ids: Iterable[int]) -> Mapping[int, str]:
        wanted = select(User.id, User.username).where(User.id.in_(sorted(user_ids)))
        return {row.id: row.username for row in db.execute(wanted.where(~User.is_deleted))}


def _client(visitor: Visitor) -> Client:
    return Client(visitor.ip_address, visitor.user_agent)


def _pass_of(db: Session, token: Token) -> str:
    """Return the pass of a session that has just been opened.

    The client never gets the tokens of this session. Raises `SuperuserOnly` if the user
    is not a superuser. The error rolls the new session back.
    """
    access = read_access_token(token.access_token)
    session = db.get_one(LoginSession, access.session_id)
    user = db.get_one(User, access.user_id)
    if not user.is_superuser:
        raise SuperuserOnly("Only staff may sign in here.")
    session.expires_at = clock.now(LIFE)
    audit.record(db, audit.Entry(user.id, "staff.sign_in", f"users:{user.id}"))
    return _signed(session, clock.read_database_time(db))


def _signed(session: LoginSession, confirmed_at: datetime) -> str:
    content = {"s": session.id, "u": session.user_id, "c": int(confirmed_at.timestamp())}
    return sign_payload(PURPOSE, json.dumps(content).encode())


def _session_of(db: Session, given: str, *, hold: bool) -> tuple[LoginSession, datetime, datetime]:
    """Return the live session of a pass, the time of the last confirmation, and the
    current time.

    Raises `SignInNeeded`.
    """
    try:
        content = json.loads(unsign_payload(PURPOSE, given[:MAX_PASS]))
    except BadSignature:
        raise SignInNeeded from None
    named = (User.id == content["u"], LoginSession.id == content["s"], User.is_superuser)
    wanted = login_sessions.live_sessions().where(*named).add_columns(clock.now())
    if hold:
        wanted = wanted.with_for_update(key_share=True, of=[User, LoginSession])
    found = db.execute(wanted.execution_options(populate_existing=True)).first()
    if found is None:
        raise SignInNeeded
    session, at = found
    return session, datetime.fromtimestamp(content["c"], UTC), at
