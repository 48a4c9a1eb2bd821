"""Rules for signing in with Google.

A sign-in begins here, sends the browser to Google, and ends with a session. A secret in
a cookie binds the whole sign-in to one browser. After the return from Google, the
frontend gets a code, which works only in that browser. A frontend on another site
cannot rely on the cookie, because some browsers do not send it. Such a frontend binds
the code with a PKCE challenge instead.

The database holds only a hash of the secret. The values that are sent to Google (nonce,
PKCE verifier) are derived from the secret. So an attacker who can read the database
still cannot complete a sign-in.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import AppError, BadRequest, Forbidden, NotFound
from app.db import clock
from app.db.database import side_session
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import InvalidToken, Purpose
from app.routers.auth.errors import AccountDisabled
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import LoginSession, User
from app.routers.auth.queries import has_google
from app.routers.auth.schemas import GoogleAnswer, Token
from app.routers.auth.sessions import login_sessions
from app.routers.auth.sessions.reauthentication import require_owner

from . import identities
from .gateway.provider import Configuration, GoogleFailed, GoogleUnavailable, spellings_of_issuer
from .identities import (
    AccountExists,
    GoogleAccountTaken,
    GoogleAlreadyLinked,
    GoogleEmailNotVerified,
    GoogleEmailUnusable,
)

MAX_NEXT = 500  # characters
# A path with plain segments, optionally with a query and a fragment. A double slash, a
# backslash, a dot segment, a scheme or a control character is refused, even if
# percent-encoded, because frontends interpret them differently.
NEXT = re.compile(
    r"(?:/(?:[\w~@+,=-]|%[89A-F][0-9A-F])(?:[\w.~@+,=-]|%[89A-F][0-9A-F])*)*/?"
    r"(?:\?(?:[\w.~@+,=&:/-]|%[2-9A-F][0-9A-F])*)?"
    r"(?:#[\w.~=&/-]*)?",
    re.ASCII | re.IGNORECASE,
)


class GoogleDisabled(NotFound):
    """Sign-in with Google is off because GOOGLE_CLIENT_ID is not set."""

    code = "google_disabled"
    detail = "Sign-in with Google is not set up on this server. Sign in with your password."


class InvalidState(BadRequest):
    """The callback does not belong to a sign-in that is open in this browser.

    The browser never began the sign-in, began it more than 10 minutes ago, or has
    already completed it.
    """

    code = "invalid_state"
    detail = (
        "This sign-in has expired, is already complete, or was started in another browser. Start "
        "again."
    )


class GoogleDenied(Forbidden):
    """The user refused permission on Google's page."""

    code = "google_denied"
    detail = "Google was not allowed to sign you in. Start again if you want to allow it."


REFUSALS: tuple[type[AppError], ...] = (
    InvalidState,
    GoogleDenied,
    GoogleFailed,
    GoogleUnavailable,
    GoogleEmailNotVerified,
    GoogleEmailUnusable,
    AccountExists,
    GoogleAccountTaken,
    GoogleAlreadyLinked,
    AccountDisabled,
)
"""Errors that the frontend gets as an error code in its callback page's URL."""


@dataclass(frozen=True)
class Shown:
    """A code to exchange, and the proofs that this client began the sign-in."""

    code: str
    browser: str
    verifier: str


@dataclass(frozen=True)
class _Secrets:
    """The secrets of one sign-in in one browser."""

    nonce: str
    verifier: str


def is_enabled() -> bool:
    return get_settings().google_client_id is not None


def begin_sign_in(
    configuration: Configuration, browser: str, next_page: str, challenge: str | None
) -> str:
    """Return the URL of Google's sign-in page.

    The request is a `GET`, so its own database session is read-only. The token for the
    `state` parameter is stored in a separate database session.
    """
    safe = next_page if len(next_page) <= MAX_NEXT and NEXT.fullmatch(next_page) else ""
    data = {"browser": _digest("browser", browser), "next": safe, "challenge": challenge}
    with side_session() as db:
        state = one_time_tokens.issue(db, Purpose.GOOGLE_STATE, data=data)
    return _departure(configuration, browser, state)


def begin_link(
    db: Session, configuration: Configuration, browser: str, session: LoginSession
) -> str:
    """Return the URL at which the user links a Google account.

    A stolen session must not be enough to add a way to sign in that outlives the
    session. So the user's sign-in must be recent, whether or not the account has a
    password (ASVS 7.5.1). Raises `SessionNotFresh`, `GoogleAlreadyLinked`,
    `Unauthenticated`.
    """
    login_sessions.require_fresh(db, session)
    user = login_sessions.lock_user(db, session)
    if has_google(db, user.id):
        raise GoogleAlreadyLinked
    data = {"browser": _digest("browser", browser), "user": user.id, "session": session.id}
    state = one_time_tokens.issue(db, Purpose.GOOGLE_STATE, user_id=user.id, data=data)
    return _departure(configuration, browser, state)


def arrive_from_google(answer: GoogleAnswer, browser: str, client: Client) -> str:
    """Return the frontend URL for a browser that has come back from Google.

    After success, the URL contains a code for `exchange_code`. Google is called between
    two short transactions, not within one. The first transaction marks the state as
    used, so each callback works only once, even if it fails. Raises the errors in
    `REFUSALS`.
    """
    from .gateway import openid  # imported late, as its package explains

    with side_session() as db:
        # Use the database's time, because this host's clock may be minutes off.
        begun, at = _redeem(db, answer.state, browser), clock.read_database_time(db)
    if answer.error:
        raise GoogleDenied if answer.error == "access_denied" else GoogleFailed
    if answer.iss not in ("", *spellings_of_issuer()):
        raise GoogleFailed  # another provider sent the response (RFC 9207)
    kept = _secrets(browser, answer.state)
    person = openid.identify_person(
        code=answer.code, nonce=kept.nonce, verifier=kept.verifier, at=at
    )
    with side_session() as db:
        if "session" in begun:
            session = _still_asking(db, begun)
            identities.link_identity(db, session, person, client)
            user = session.user
        else:
            user = identities.owner_of(db, person, client)
        bound = {"browser": begun["browser"], "challenge": begun.get("challenge")}
        # Older codes stay valid, because the user may be signing in on several devices.
        code = one_time_tokens.issue(
            db, Purpose.GOOGLE_EXCHANGE, user_id=user.id, data=bound, replaces=False
        )
    return frontend_page(code=code, next=begun.get("next", ""))


def _still_asking(db: Session, begun: dict[str, Any]) -> LoginSession:
    """Lock the user, then read and return the session that asked to link an account.

    Without the lock, a password reset could be ending the session at the same time. A
    Google account linked by a thief would then outlive the reset.
    """
    user = identities.lock_account(db, User.id == begun["user"])
    mine = LoginSession.id == begun["session"], LoginSession.user_id == user.id
    session = db.scalar(login_sessions.live_sessions().where(*mine))
    if session is None:
        raise InvalidState
    return session


def exchange_code(db: Session, shown: Shown, client: Client) -> Token:
    """Open a session in return for a code from `arrive_from_google`.

    The code works once, for the client that began the sign-in. Otherwise another site
    could send its visitors to the callback page with a code for its own account, and
    the visitors would be signed in to that account (login CSRF). The client must prove
    that it began the sign-in. The proof is the verifier of its challenge (RFC 7636), or
    the cookie if there was no challenge. If the proof is wrong, the code stays valid
    for the right client. Raises `InvalidToken`, `MfaRequired`.
    """
    row = one_time_tokens.redeem(db, Purpose.GOOGLE_EXCHANGE, shown.code)
    bound = one_time_tokens.data_of(row)
    proof, expected = _digest("browser", shown.browser), bound["browser"]
    if bound["challenge"]:
        proof, expected = challenge_of(shown.verifier), bound["challenge"]
    if not hmac.compare_digest(proof, expected):
        raise InvalidToken
    return second_factor.challenge_or_session(db, one_time_tokens.owner_of(db, row), client)


def challenge_of(verifier: str) -> str:
    """Compute the S256 challenge of a verifier (RFC 7636, 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def unlink_google(db: Session, session: LoginSession, password: str | None, client: Client) -> None:
    """Remove the linked Google account.

    Raises `InvalidCredentials`, `SessionNotFresh`, `LastWayIn`.
    """
    require_owner(session, password, client)
    identities.unlink_identity(db, session.user, client)
    one_time_tokens.revoke(db, session.user_id, Purpose.GOOGLE_STATE, Purpose.GOOGLE_EXCHANGE)


def frontend_page(**said: str) -> str:
    """Return the URL of the frontend's callback page, with the non-empty values in its
    query.
    """
    facts = urlencode({name: value for name, value in said.items() if value})
    return f"{get_settings().frontend_url}/auth/callback?{facts}"


def _departure(configuration: Configuration, browser: str, state: str) -> str:
    from .gateway import openid  # imported late, as its package explains

    kept = _secrets(browser, state)
    return openid.authorization_url(
        configuration, state=state, nonce=kept.nonce, verifier=kept.verifier
    )


def _redeem(db: Session, state: str, browser: str) -> dict[str, Any]:
    """Mark the state as used, and return the data stored when the sign-in began.

    Raises `InvalidState` for the wrong browser. The state then stays valid for the
    right browser.
    """
    try:
        begun = one_time_tokens.data_of(one_time_tokens.redeem(db, Purpose.GOOGLE_STATE, state))
    except InvalidToken:
        raise InvalidState from None
    if not hmac.compare_digest(begun["browser"], _digest("browser", browser)):
        raise InvalidState
    return begun


def _secrets(browser: str, state: str) -> _Secrets:
    return _Secrets(_digest("nonce", browser, state), _digest("verifier", browser, state))


def _digest(purpose: str, *parts: str) -> str:
    """Hash the parts for one purpose.

    The parts contain 256 random bits, so nobody can recover them from the hash.
    """
    return hashlib.sha256(":".join(["google", purpose, *parts]).encode()).hexdigest()
