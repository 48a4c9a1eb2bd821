"""Rules of identities: which account a person gets for whom a provider vouches.

An identity is the pair of issuer and subject. An email address only ever opens an
account that was never verified, so that nobody has shown it to be theirs. Then
everything is removed by which the account's creator could come back (ASVS 6.8.1).
"""

import re
import secrets

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import AppError, Conflict, Forbidden
from app.core.text import canonical_email, canonical_username
from app.db.errors import conflicts
from app.db.locks import wait_for_turn
from app.platform.mail import queue_mail
from app.routers.auth import queries
from app.routers.auth.accounts import registration
from app.routers.auth.credentials import security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.errors import AccountDisabled, UsernameTaken
from app.routers.auth.models import Identity, LoginSession, User
from app.routers.auth.passwords import takeover
from app.routers.auth.queries import has_google

from .gateway import GoogleFailed, Person

# Tries to create an account while others create the same one or take its name.
TRIES = 5
MAX_BASE = 24  # Characters of a username. This leaves room for a dash and a number.


class GoogleEmailNotVerified(Forbidden):
    """The provider does not vouch for the address, so it could belong to anyone."""

    code = "google_email_not_verified"
    detail = "Google has not verified your email address. Verify it with Google, then try again."


class GoogleEmailUnusable(Forbidden):
    """The address breaks the rules that hold for every address (`canonical_email`).

    An account needs an address to which mail can be sent.
    """

    code = "google_email_unusable"
    detail = (
        "The email address of this Google account cannot be used here. Register with another "
        "address."
    )


class AccountExists(Conflict):
    """The address belongs to an account to which this Google account is not linked.

    The owner of that account can sign in and link the two.
    """

    code = "account_exists"
    detail = "An account with this email address already exists. Sign in to it, then link Google."


class GoogleAccountTaken(Conflict):
    """This Google account is linked to another user's account."""

    code = "google_account_taken"
    detail = "This Google account is linked to another user's account. Link a different one."


class GoogleAlreadyLinked(Conflict):
    code = "google_already_linked"
    detail = "A Google account is already linked. Unlink it first."


class LastWayIn(Conflict):
    """Without Google and without a password, the user could no longer sign in."""

    code = "last_way_in"
    detail = "Set a password first. Without Google you could no longer sign in."


class _Raced(Conflict):
    """Another request created the same account, or took the name. Never leaves this
    module.
    """


def owner_of(db: Session, person: Person, client: Client) -> User:
    """Return the account that belongs to this person, or create one.

    Raises `GoogleEmailNotVerified`, `GoogleEmailUnusable`, `AccountDisabled`,
    `AccountExists`, `GoogleFailed`.
    """
    if not person.email_verified:
        raise GoogleEmailNotVerified
    for _ in range(TRIES):
        if identity := _find(db, person):
            user = lock(db, User.id == identity.user_id)
            if _find(db, person) is None:
                continue  # it was unlinked while we waited for the lock
            return user
        email = _usable_address(person)
        try:
            with db.begin_nested():
                return _adopt(db, person, email, client)
        except _Raced:
            continue
    raise GoogleFailed


def _usable_address(person: Person) -> str:
    """Return the person's address in its canonical form.

    This is required for a new account only. A person who is already linked can sign in
    whatever their address has become.
    """
    if not person.email:
        raise GoogleFailed
    try:
        return canonical_email(person.email)
    except ValueError:
        raise GoogleEmailUnusable from None


def _adopt(db: Session, person: Person, email: str, client: Client) -> User:
    """Return the unverified account of this address, taken over, or a new account."""
    if db.scalar(select(User.id).where(User.email == email)) is None:
        user = User(username=_free_username(db, email), email=email, is_verified=True)
        db.add(user)
        with conflicts({"uq_users_email": _Raced, "uq_users_username": _Raced}):
            db.flush()
    else:
        user = lock(db, User.email == email)
        if user.is_verified:
            # The same person may have come twice, and the other request was quicker.
            raise _Raced if _find(db, person) else AccountExists
        _take_over(db, user, client)
    _add(db, user, person, _Raced)
    security_events.record(db, "google_linked", user.id, client)
    return user


def _take_over(db: Session, user: User, client: Client) -> None:
    """Hand an unverified account to the owner of its address.

    Someone may have registered with an address that is not theirs. From now on, only
    its owner can sign in.
    """
    user.hashed_password, user.is_verified = None, True
    db.flush()
    takeover.expel(db, user.id)
    security_events.record(db, "account_taken_over", user.id, client)
    queue_mail(db, user.email, "auth/google_linked", username=user.username)


def link(db: Session, session: LoginSession, person: Person, client: Client) -> None:
    """Link the person to the user of this session. Raises `GoogleEmailNotVerified`,
    `GoogleAccountTaken`, `GoogleAlreadyLinked`.
    """
    if not person.email_verified:
        raise GoogleEmailNotVerified
    identity = _find(db, person)
    if identity is None:
        _add(db, session.user, person, GoogleAccountTaken)
        security_events.record(db, "google_linked", session.user_id, client, session_id=session.id)
        queue_mail(db, session.user.email, "auth/google_linked", username=session.user.username)
    elif identity.user_id != session.user_id:
        raise GoogleAccountTaken


def unlink(db: Session, user: User, client: Client) -> None:
    """Remove the user's Google identity. Raises `LastWayIn`."""
    user = lock(db, User.id == user.id)  # locked, so that the password stays meanwhile
    if not has_google(db, user.id):
        return
    if user.hashed_password is None:
        raise LastWayIn
    db.execute(
        delete(Identity).where(
            Identity.user_id == user.id, Identity.issuer == get_settings().google_issuer
        )
    )
    security_events.record(db, "google_unlinked", user.id, client)
    queue_mail(db, user.email, "auth/google_unlinked", username=user.username)


def _find(db: Session, person: Person) -> Identity | None:
    """Return the identity of this person, or `None`.

    MySQL may find a subject that differs only in ways that its collation ignores.
    Raises `GoogleFailed` for such a subject.
    """
    same = select(Identity).where(
        Identity.issuer == person.issuer, Identity.subject == person.subject
    )
    identity = db.scalar(same)
    if identity and identity.subject != person.subject:
        raise GoogleFailed
    return identity


def _add(db: Session, user: User, person: Person, taken: type[AppError]) -> None:
    db.add(Identity(user_id=user.id, issuer=person.issuer, subject=person.subject))
    with conflicts(
        {"uq_identities_issuer_subject": taken, "uq_identities_user_id_issuer": GoogleAlreadyLinked}
    ):
        db.flush()


def lock(db: Session, which: ColumnElement[bool]) -> User:
    """Return the account as it is now, locked.

    Raises `AccountDisabled` for an account that is disabled or deleted.
    """
    user = db.scalar(queries.locked(which, User.is_active))
    if user is None:
        raise AccountDisabled
    return user


def _free_username(db: Session, email: str) -> str:
    """Make a username from the part of the address before the `@`.

    Characters that a username cannot have are replaced. A number is added if the name
    is taken or reserved.
    """
    local = email.partition("@")[0].partition("+")[0]
    base = re.sub(r"[^a-z0-9._-]+", "-", local)[:MAX_BASE].strip("._-")
    for digits in (0, 3, 6, 6):
        candidate = (
            base if digits == 0 else f"{base or 'user'}-{secrets.randbelow(10**digits):0{digits}}"
        )
        try:
            name = canonical_username(candidate)
            wait_for_turn(db, User.username, name)
            registration.refuse_taken(db, name)
        except (ValueError, UsernameTaken):
            continue
        return name
    raise _Raced
