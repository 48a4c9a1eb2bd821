"""Identity rules: which account belongs to a person whom Google has identified.

An identity is the pair of issuer and subject. A new identity may take over an account
with the same email address only if that account was never verified. Then everything
that would let the account's creator sign in is removed (ASVS 6.8.1).
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

from .gateway.provider import GoogleFailed, Person

# Maximum number of attempts to create an account. An attempt fails if another request
# creates the same account or takes its username first.
TRIES = 5
MAX_BASE = 24  # maximum length of a username before a dash and six digits are added


class GoogleEmailNotVerified(Forbidden):
    """The provider has not verified the address, so it may belong to anyone."""

    code = "google_email_not_verified"
    detail = "Google has not verified your email address. Verify it with Google, then try again."


class GoogleEmailUnusable(Forbidden):
    """The address breaks the rules for email addresses (`canonical_email`).

    An account needs an address to which mail can be sent.
    """

    code = "google_email_unusable"
    detail = (
        "The email address of this Google account cannot be used here. Register with another "
        "address."
    )


class AccountExists(Conflict):
    """The address belongs to an account that is not linked to this Google account.

    The owner of that account can sign in and link the Google account.
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
    """The user has no password, so without Google they could no longer sign in."""

    code = "last_way_in"
    detail = "Set a password first. Without Google you could no longer sign in."


class _Raced(Conflict):
    """Another request created the same account, or took the username.

    Functions in this module catch the error and try again.
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
            user = lock_account(db, User.id == identity.user_id)
            if _find(db, person) is None:
                continue  # the identity was removed while we were waiting for the lock
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

    Only a new account needs the address. A person whose identity is already linked can
    sign in even if their address is invalid now.
    """
    if not person.email:
        raise GoogleFailed
    try:
        return canonical_email(person.email)
    except ValueError:
        raise GoogleEmailUnusable from None


def _adopt(db: Session, person: Person, email: str, client: Client) -> User:
    """Return a new account, or take over the unverified account with this address."""
    if db.scalar(select(User.id).where(User.email == email)) is None:
        user = User(username=_free_username(db, email), email=email, is_verified=True)
        db.add(user)
        with conflicts({"uq_users_email": _Raced, "uq_users_username": _Raced}):
            db.flush()
    else:
        user = lock_account(db, User.email == email)
        if user.is_verified:
            # Another request from the same person may have linked the identity first.
            raise _Raced if _find(db, person) else AccountExists
        _take_over(db, user, client)
    _add(db, user, person, _Raced)
    security_events.record(db, "google_linked", user.id, client)
    return user


def _take_over(db: Session, user: User, client: Client) -> None:
    """Give an unverified account to the owner of its email address.

    Someone else may have registered with the address. From now on, only the owner of
    the address can sign in.
    """
    user.hashed_password, user.is_verified = None, True
    db.flush()
    takeover.expel_stranger(db, user.id)
    security_events.record(db, "account_taken_over", user.id, client)
    queue_mail(db, user.email, "auth/google_linked", username=user.username)


def link_identity(db: Session, session: LoginSession, person: Person, client: Client) -> None:
    """Link this Google account to the user of the session.

    Raises `GoogleEmailNotVerified`, `GoogleAccountTaken`, `GoogleAlreadyLinked`.
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


def unlink_identity(db: Session, user: User, client: Client) -> None:
    """Remove the user's Google identity. Raises `LastWayIn`."""
    user = lock_account(db, User.id == user.id)  # so no other request can remove the password
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

    MySQL compares subjects using a collation, which may ignore differences. Raises
    `GoogleFailed` if the stored subject differs.
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


def lock_account(db: Session, which: ColumnElement[bool]) -> User:
    """Lock the account and return it with its current values.

    Raises `AccountDisabled` for an account that is disabled or deleted.
    """
    user = db.scalar(queries.locked_accounts(which, User.is_active))
    if user is None:
        raise AccountDisabled
    return user


def _free_username(db: Session, email: str) -> str:
    """Make a username from the part of the address before the `@`.

    Characters that are not allowed in a username become dashes. A number is added if
    the username is taken or reserved.
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
