"""The rules of identities: whose account it is that somebody comes to whom a provider vouches for.

Who it is, is issuer and subject. An e-mail address only ever opens an account that nobody has shown to be theirs: one
that never was verified, of which then nothing stays that its maker could come back with (ASVS 6.8.1).
"""

import re
import secrets

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import AppError, Conflict, Forbidden
from app.core.text import canonical_email, canonical_username
from app.db.errors import conflicts
from app.db.turns import wait_for_turn
from app.platform.mail import queue_mail

from . import events, queries, registration, takeover
from .gateway import GoogleFailed, Person
from .models import Identity, LoginSession, User
from .service import AccountDisabled, UsernameTaken, has_google
from .sessions import Client

TRIES = 5  # to make an account while others make the same one, or take its name
MAX_BASE = 24  # characters of a user name, which leaves room for a dash and a number


class GoogleEmailNotVerified(Forbidden):
    """The provider does not vouch for the address, so it could be anybody's."""

    code = "google_email_not_verified"
    detail = "Google has not verified your email address. Verify it with Google, then try again."


class GoogleEmailUnusable(Forbidden):
    """An account needs an address that mail can be sent to, by the rules for every address (`canonical_email`)."""

    code = "google_email_unusable"
    detail = "The email address of this Google account cannot be used here. Register with another address."


class AccountExists(Conflict):
    """The address has an account that this Google account is not linked to. Its owner signs in and links them."""

    code = "account_exists"
    detail = "An account with this email address already exists. Sign in to it, then link Google."


class GoogleAccountTaken(Conflict):
    """This Google account is linked to somebody else's account."""

    code = "google_account_taken"
    detail = "This Google account is linked to another user's account. Link a different one."


class GoogleAlreadyLinked(Conflict):
    code = "google_already_linked"
    detail = "A Google account is already linked. Unlink it first."


class LastWayIn(Conflict):
    """Without a password nobody could sign in any more."""

    code = "last_way_in"
    detail = "Set a password first. Without Google you could no longer sign in."


class _Raced(Conflict):
    """Never leaves this module: another request made the same account, or took the name."""


def owner_of(db: Session, person: Person, client: Client) -> User:
    """Whose account this is; a new one for who has none.

    Raises `GoogleEmailNotVerified`, `GoogleEmailUnusable`, `AccountDisabled`, `AccountExists`, `GoogleFailed`.
    """
    if not person.email_verified:
        raise GoogleEmailNotVerified
    for _ in range(TRIES):
        if identity := _find(db, person):
            user = lock(db, User.id == identity.user_id)
            if _find(db, person) is None:
                continue  # unlinked while we waited for the lock
            return user
        email = _usable_address(person)
        try:
            with db.begin_nested():
                return _adopt(db, person, email, client)
        except _Raced:
            continue
    raise GoogleFailed


def _usable_address(person: Person) -> str:
    """Asked for a new account only: a person who is linked comes in whatever their address has become."""
    if not person.email:
        raise GoogleFailed
    try:
        return canonical_email(person.email)
    except ValueError:
        raise GoogleEmailUnusable from None


def _adopt(db: Session, person: Person, email: str, client: Client) -> User:
    """The account of this address, if nobody has shown that it is theirs; else a new one."""
    if db.scalar(select(User.id).where(User.email == email)) is None:
        user = User(username=_free_username(db, email), email=email, is_verified=True)
        db.add(user)
        with conflicts({"uq_users_email": _Raced, "uq_users_username": _Raced}):
            db.flush()
    else:
        user = lock(db, User.email == email)
        if user.is_verified:
            raise _Raced if _find(db, person) else AccountExists  # they came twice, and the other was quicker
        _take_over(db, user, client)
    _add(db, user, person, _Raced)
    events.record(db, "google_linked", user.id, client)
    return user


def _take_over(db: Session, user: User, client: Client) -> None:
    """Somebody registered with an address that is not theirs: from now on the account is its owner's alone."""
    user.hashed_password, user.is_verified = None, True
    db.flush()
    takeover.expel(db, user.id)
    events.record(db, "account_taken_over", user.id, client)
    queue_mail(db, user.email, "auth/google_linked", username=user.username)


def link(db: Session, session: LoginSession, person: Person, client: Client) -> None:
    """Raises `GoogleEmailNotVerified`, `GoogleAccountTaken`, `GoogleAlreadyLinked`."""
    if not person.email_verified:
        raise GoogleEmailNotVerified
    identity = _find(db, person)
    if identity is None:
        _add(db, session.user, person, GoogleAccountTaken)
        events.record(db, "google_linked", session.user_id, client, session_id=session.id)
        queue_mail(db, session.user.email, "auth/google_linked", username=session.user.username)
    elif identity.user_id != session.user_id:
        raise GoogleAccountTaken


def unlink(db: Session, user: User, client: Client) -> None:
    """Raises `LastWayIn`."""
    user = lock(db, User.id == user.id)  # locked: the password must not go meanwhile
    if not has_google(db, user.id):
        return
    if user.hashed_password is None:
        raise LastWayIn
    db.execute(delete(Identity).where(Identity.user_id == user.id, Identity.issuer == get_settings().google_issuer))
    events.record(db, "google_unlinked", user.id, client)
    queue_mail(db, user.email, "auth/google_unlinked", username=user.username)


def _find(db: Session, person: Person) -> Identity | None:
    """Raises `GoogleFailed` for a subject that differs from a known one only in what MySQL takes for the same."""
    same = select(Identity).where(Identity.issuer == person.issuer, Identity.subject == person.subject)
    identity = db.scalar(same)
    if identity and identity.subject != person.subject:
        raise GoogleFailed
    return identity


def _add(db: Session, user: User, person: Person, taken: type[AppError]) -> None:
    db.add(Identity(user_id=user.id, issuer=person.issuer, subject=person.subject))
    with conflicts({"uq_identities_issuer_subject": taken, "uq_identities_user_id_issuer": GoogleAlreadyLinked}):
        db.flush()


def lock(db: Session, which: ColumnElement[bool]) -> User:
    """The account as it is now, locked. Raises `AccountDisabled` for one that is disabled or gone."""
    user = db.scalar(queries.locked(which, User.is_active))
    if user is None:
        raise AccountDisabled
    return user


def _free_username(db: Session, email: str) -> str:
    """What stands before the `@`, as far as a user name can hold it, with a number where it is taken or reserved."""
    local = email.partition("@")[0].partition("+")[0]
    base = re.sub(r"[^a-z0-9._-]+", "-", local)[:MAX_BASE].strip("._-")
    for digits in (0, 3, 6, 6):
        candidate = base if digits == 0 else f"{base or 'user'}-{secrets.randbelow(10**digits):0{digits}}"
        try:
            name = canonical_username(candidate)
            wait_for_turn(db, User.username, name)
            registration.refuse_taken(db, name)
        except (ValueError, UsernameTaken):
            continue
        return name
    raise _Raced
