"""The rules of the sign-in with Google: a journey that begins here, leads to Google, and ends in a session.

It is bound to the browser that it began in, by a secret in a cookie, to its end: the code that the frontend is given is
good in that browser alone. A frontend on another site, whose requests some browsers strip of cookies, binds the code by
a challenge instead. What is stored is a hash of the secret; what Google is sent (nonce, PKCE verifier) is derived from
it, so nothing in the database could be presented (requirement 10).
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

from . import gateway, identities, mfa, sessions, tokens
from .gateway import Configuration, GoogleFailed, GoogleUnavailable
from .identities import (
    AccountExists,
    GoogleAccountTaken,
    GoogleAlreadyLinked,
    GoogleEmailNotVerified,
    GoogleEmailUnusable,
)
from .models import LoginSession, User
from .owner import require_owner
from .schemas import GoogleAnswer, Token
from .service import AccountDisabled, has_google
from .sessions import Client
from .tokens import InvalidToken, Purpose

MAX_NEXT = 500  # characters
# A path of plain segments, with query and fragment: no second slash, backslash, dot segment, scheme or control
# character, encoded ones included, whatever a frontend makes of it (requirement 31).
NEXT = re.compile(
    r"(?:/(?:[\w~@+,=-]|%[89A-F][0-9A-F])(?:[\w.~@+,=-]|%[89A-F][0-9A-F])*)*/?"
    r"(?:\?(?:[\w.~@+,=&:/-]|%[2-9A-F][0-9A-F])*)?"
    r"(?:#[\w.~=&/-]*)?",
    re.ASCII | re.IGNORECASE,
)


class GoogleDisabled(NotFound):
    """GOOGLE_CLIENT_ID is not set."""

    code = "google_disabled"
    detail = "Sign-in with Google is not set up on this server. Sign in with your password."


class InvalidState(BadRequest):
    """The answer to a sign-in that this browser did not begin, or over 10 minutes ago, or that came before."""

    code = "invalid_state"
    detail = "This sign-in has expired, is already complete, or was started in another browser. Start again."


class GoogleDenied(Forbidden):
    """The person said no."""

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
"""What a browser on its way is told by a word in the frontend's address."""


@dataclass(frozen=True)
class Shown:
    """What comes for an exchange: the code, and what may show that the journey began here."""

    code: str
    browser: str
    verifier: str


@dataclass(frozen=True)
class _Secrets:
    """What belongs to one journey of one browser."""

    nonce: str
    verifier: str


def is_enabled() -> bool:
    return get_settings().google_client_id is not None


def begin_sign_in(configuration: Configuration, browser: str, next_page: str, challenge: str | None) -> str:
    """Where to send the browser. It comes with a `GET`, whose own session could only read."""
    safe = next_page if len(next_page) <= MAX_NEXT and NEXT.fullmatch(next_page) else ""
    data = {"browser": _digest("browser", browser), "next": safe, "challenge": challenge}
    with side_session() as db:
        state = tokens.issue(db, Purpose.GOOGLE_STATE, data=data)
    return _departure(configuration, browser, state)


def begin_link(db: Session, configuration: Configuration, browser: str, session: LoginSession) -> str:
    """Where to send the browser, to link what comes back to this account.

    A stolen session must not be able to add a way in that outlives it, so the sign-in must be recent, whether the
    account has a password or not (ASVS 7.5.1). Raises `SessionNotFresh`, `GoogleAlreadyLinked`, `Unauthenticated`.
    """
    sessions.require_fresh(db, session)
    user = sessions.lock_user(db, session)
    if has_google(db, user.id):
        raise GoogleAlreadyLinked
    data = {"browser": _digest("browser", browser), "user": user.id, "session": session.id}
    state = tokens.issue(db, Purpose.GOOGLE_STATE, user_id=user.id, data=data)
    return _departure(configuration, browser, state)


def arrive(answer: GoogleAnswer, browser: str, client: Client) -> str:
    """Where to send a browser that is back from Google: to the frontend, with a code for `exchange`.

    Google is asked between two short transactions, not within one. The first uses the state up, so that an answer
    counts once, whatever comes of it. Raises `REFUSALS`.
    """
    with side_session() as db:
        begun, at = _redeem(db, answer.state, browser), clock.read(db)  # this host's clock may be minutes off
    if answer.error:
        raise GoogleDenied if answer.error == "access_denied" else GoogleFailed
    if answer.iss not in ("", *gateway.spellings_of_issuer()):
        raise GoogleFailed  # another provider's answer (RFC 9207)
    kept = _secrets(browser, answer.state)
    person = gateway.identify(code=answer.code, nonce=kept.nonce, verifier=kept.verifier, at=at)
    with side_session() as db:
        if "session" in begun:
            session = _still_asking(db, begun)
            identities.link(db, session, person, client)
            user = session.user
        else:
            user = identities.owner_of(db, person, client)
        bound = {"browser": begun["browser"], "challenge": begun.get("challenge")}
        # One for each device that is on its way just now.
        code = tokens.issue(db, Purpose.GOOGLE_EXCHANGE, user_id=user.id, data=bound, replaces=False)
    return frontend_page(code=code, next=begun.get("next", ""))


def _still_asking(db: Session, begun: dict[str, Any]) -> LoginSession:
    """The session that asked to link, read when its user's row is locked.

    Read before, it might be one that a password reset is just ending, and a thief's link would outlive the reset.
    """
    user = identities.lock(db, User.id == begun["user"])
    mine = LoginSession.id == begun["session"], LoginSession.user_id == user.id
    session = db.scalar(sessions.live_sessions().where(*mine))
    if session is None:
        raise InvalidState
    return session


def exchange(db: Session, shown: Shown, client: Client) -> Token:
    """A session for a code of `arrive`, which works once, for whoever began the journey.

    Else another site could send its visitors to the callback page with a code of its own account, and have them signed
    in as somebody else (login CSRF). What shows it is the verifier of the journey's challenge (RFC 7636), or, where it
    had none, the cookie. A refused code stays good for whom it belongs to. Raises `InvalidToken`, `MfaRequired`.
    """
    row = tokens.redeem(db, Purpose.GOOGLE_EXCHANGE, shown.code)
    bound = tokens.data_of(row)
    proof, expected = _digest("browser", shown.browser), bound["browser"]
    if bound["challenge"]:
        proof, expected = _challenge_of(shown.verifier), bound["challenge"]
    if not hmac.compare_digest(proof, expected):
        raise InvalidToken
    return mfa.challenge_or_session(db, tokens.owner_of(db, row), client)


def _challenge_of(verifier: str) -> str:
    """RFC 7636, 4.2: S256."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def unlink(db: Session, session: LoginSession, password: str | None, client: Client) -> None:
    """Raises `InvalidCredentials`, `SessionNotFresh`, `LastWayIn`."""
    require_owner(session, password, client)
    identities.unlink(db, session.user, client)
    tokens.revoke(db, session.user_id, Purpose.GOOGLE_STATE, Purpose.GOOGLE_EXCHANGE)


def frontend_page(**said: str) -> str:
    """The configured frontend's page for who is back, with what is not empty of `said`."""
    return f"{get_settings().frontend_url}/auth/callback?{urlencode({k: v for k, v in said.items() if v})}"


def _departure(configuration: Configuration, browser: str, state: str) -> str:
    kept = _secrets(browser, state)
    return gateway.authorization_url(configuration, state=state, nonce=kept.nonce, verifier=kept.verifier)


def _redeem(db: Session, state: str, browser: str) -> dict[str, Any]:
    """What was kept when it began. Raises `InvalidState`; then the state stays good for the browser it belongs to."""
    try:
        begun = tokens.data_of(tokens.redeem(db, Purpose.GOOGLE_STATE, state))
    except InvalidToken:
        raise InvalidState from None
    if not hmac.compare_digest(begun["browser"], _digest("browser", browser)):
        raise InvalidState
    return begun


def _secrets(browser: str, state: str) -> _Secrets:
    return _Secrets(_digest("nonce", browser, state), _digest("verifier", browser, state))


def _digest(purpose: str, *parts: str) -> str:
    """One way from 256 random bits, and another way for each purpose."""
    return hashlib.sha256(":".join(["google", purpose, *parts]).encode()).hexdigest()
