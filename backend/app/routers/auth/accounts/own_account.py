"""Account rules: changing the username or email address, and deletion."""

import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.db.errors import conflicts
from app.db.locks import wait_for_turn
from app.platform.jobs import enqueue
from app.platform.mail import forget_recipient, queue_mail
from app.routers.auth import hooks, queries, throttle
from app.routers.auth.credentials import one_time_tokens, pending, security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import LIFE, Purpose
from app.routers.auth.errors import UsernameTaken
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import NOBODYS, Identity, LoginSession, OneTimeToken, User
from app.routers.auth.passwords import changing
from app.routers.auth.schemas import EmailChange, UsernameChange
from app.routers.auth.sessions.login_sessions import live_sessions, lock_user
from app.routers.auth.sessions.reauthentication import require_owner

from . import erasure, registration


class EmailTaken(Conflict):
    """Another account has the new address.

    Only a user who has opened the link sent to that address gets this error.
    """

    code = "email_taken"
    detail = "Another account now has this email address. Ask for a different address."


def update_account(
    db: Session, session: LoginSession, data: UsernameChange, client: Client
) -> User:
    """Change the username. Raises `UsernameTaken`, `Unauthenticated`."""
    username = data.changes().get("username")
    if username:
        wait_for_turn(db, User.username, username)
    # An expired registration that still has this username is deleted.
    queries.lock_all(db, User.id == session.user_id, User.username == username)
    user = lock_user(db, session)
    if username in (None, user.username):
        return user
    pending.make_way(db, User.username == username)
    registration.refuse_taken(db, username)
    user.username = username
    with conflicts({"uq_users_username": UsernameTaken}):
        db.flush()
    security_events.record(db, "username_changed", user.id, client)
    return user


def ask_for_email_change(
    db: Session, session: LoginSession, data: EmailChange, client: Client
) -> None:
    """Queue a job that emails a link to the new address.

    The job looks up whether another account has that address. So neither the response
    nor its timing reveals whether there is such an account. Raises
    `InvalidCredentials`, `SessionNotFresh`.
    """
    require_owner(session, data.password, client)
    security_events.record(db, "email_change_asked", session.user_id, client, session_id=session.id)
    if throttle.may_ask(client.ip_address) and throttle.may_mail(data.new_email, "email change"):
        enqueue(db, "auth.change_email", {"session_id": session.id, "new_email": data.new_email})


def send_email_change(db: Session, session_id: int, new_email: str) -> None:
    """Email a link to the new address, or a notice if an account already has it.

    Nothing is sent if the session that requested the change has ended.
    """
    asking = select(LoginSession.user_id).where(LoginSession.id == session_id).scalar_subquery()
    both = queries.lock_all(db, User.id == asking, User.email == new_email)
    holder = {user.email: user for user in both}.get(new_email)
    # Read after taking the lock, because a password reset may have ended the session.
    session = db.scalar(live_sessions().where(LoginSession.id == session_id))
    if session is None or session.user is holder:
        return
    user = session.user
    if holder and holder.is_active and holder.is_verified:
        changing.mail_link(db, holder, "auth/address_in_use")
        return
    token = one_time_tokens.issue(
        db, Purpose.CHANGE_EMAIL, user_id=user.id, data={"email": new_email}
    )
    life = LIFE[Purpose.CHANGE_EMAIL]
    queue_mail(
        db,
        new_email,
        "auth/email_change",
        useful_for=life,
        to_stranger=True,
        username=user.username,
        link=one_time_tokens.link_with_token("confirm-email", token),
        minutes=life // timedelta(minutes=1),
    )


def confirm_email_change(db: Session, token: str, client: Client) -> None:
    """Change the address, revoke all other links, and notify the old address.

    An unverified registration with the new address is deleted, because the opened link
    proves who owns the address. Raises `InvalidToken`, `EmailTaken`.
    """
    row = one_time_tokens.find_live_token(db, Purpose.CHANGE_EMAIL, token)
    new_email = one_time_tokens.data_of(row)["email"]
    wait_for_turn(db, User.email, new_email)
    # An unverified registration that has this address is deleted.
    queries.lock_all(db, User.id == row.user_id, User.email == new_email)
    user = one_time_tokens.owner_of(db, one_time_tokens.redeem(db, Purpose.CHANGE_EMAIL, token))
    pending.give_way(db, new_email)
    old_email, user.email, user.is_verified = user.email, new_email, True
    with conflicts({"uq_users_email": EmailTaken}):
        db.flush()
    one_time_tokens.revoke(db, user.id)
    security_events.record(db, "email_changed", user.id, client)
    hooks.tell_email_changed(db, user)
    queue_mail(db, old_email, "auth/email_changed", username=user.username)


def delete_account(
    db: Session, session: LoginSession, password: str | None, client: Client
) -> None:
    """Erase the personal data of an account, for its owner.

    Raises `InvalidCredentials`, `SessionNotFresh`, and the errors of `erase_account`.
    """
    require_owner(session, password, client)
    erase_account(db, session.user, client)


def erase_account(db: Session, user: User, client: Client | None) -> None:
    """Erase the personal data of an account, whose row the caller has locked.

    The row itself stays, without a name, because published content refers to it. Raises
    any error raised by a check that was registered in `hooks`.
    """
    hooks.check_deletion(db, user)
    # Delete queued emails, because their links no longer work.
    forget_recipient(db, user.email)
    queue_mail(db, user.email, "auth/account_deleted", username=user.username)
    security_events.record(db, "account_deleted", user.id, client)
    # This name is unique, and nobody can register or guess it.
    nobody = f"deleted-{secrets.token_hex(12)}"
    user.username, user.email, user.hashed_password = nobody, f"{nobody}{NOBODYS}", None
    user.is_active = user.is_verified = user.is_superuser = False
    # From here on, no request can add an event for this user, so every event to erase
    # already exists.
    db.flush()
    second_factor.remove_second_factor(db, user.id)
    for table in (OneTimeToken, Identity):
        db.execute(delete(table).where(table.user_id == user.id))
    erasure.erase_account_traces(db, user.id)
