"""Rules for registration, address verification, and expiry of unverified accounts.

A request does the same work whether the address is free or taken. A job then looks up
whether the address has an account. So neither the response nor its timing reveals
whether an account exists.
"""

from datetime import timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from app.db import clock
from app.db.errors import conflicts
from app.db.insertion import insert_if_absent
from app.db.locks import wait_for_turn
from app.platform.jobs import enqueue
from app.platform.mail import queue_mail
from app.routers.auth import throttle
from app.routers.auth.credentials import one_time_tokens, pending, security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import LIFE, InvalidToken, Purpose
from app.routers.auth.errors import UsernameTaken
from app.routers.auth.models import User, UsernameHold
from app.routers.auth.passwords import changing
from app.routers.auth.passwords.weak_passwords import refuse_weak
from app.routers.auth.schemas import Registration
from app.routers.auth.security import hash_password

TAKEN = {
    "uq_users_username": UsernameTaken,
    "uq_username_holds_username": UsernameTaken,
}


def register(db: Session, data: Registration) -> None:
    """Create an unverified account.

    The caller does not learn whether the address was taken. Both cases use up one id in
    `users`, because account owners can see their ids and would notice a gap. SQLite is
    the exception: it reuses an id after a savepoint is rolled back. Raises
    `UsernameTaken`, `WeakPassword`.
    """
    refuse_weak(data.password, data.username, data.email)
    # Hashed even if the address is taken, so that both cases take the same time.
    hashed = hash_password(data.password)
    wait_for_turn(db, User.username, data.username)
    pending.make_way(db, User.username == data.username, User.email == data.email)
    refuse_taken(db, data.username)
    _store(db, {"username": data.username, "email": data.email, "hashed_password": hashed})
    if throttle.may_mail(data.email, "registration"):
        enqueue(db, "auth.registered", {"email": data.email})


def _store(db: Session, asked: dict[str, str]) -> None:
    """Store an account or a username hold, with the same statements in both cases.

    Raises `UsernameTaken`.
    """
    with conflicts(TAKEN):
        db.add(UsernameHold(**asked, expires_at=pending.end_of(db, asked["email"])))
        db.flush()
    with conflicts(TAKEN):
        # The response does not reveal that the address already has an account.
        insert_if_absent(db, User(**asked), "uq_users_email")
    has_account = exists().where(User.username == UsernameHold.username)
    needless = delete(UsernameHold).where(UsernameHold.username == asked["username"], has_account)
    db.execute(needless.execution_options(synchronize_session=False))


def refuse_taken(db: Session, username: str) -> None:
    """Raise `UsernameTaken` if an account or a hold has this username.

    Only this username's expired hold is deleted, because there may be very many expired
    holds.
    """
    over = delete(UsernameHold).where(
        UsernameHold.username == username, UsernameHold.expires_at < clock.now()
    )
    db.execute(over.execution_options(synchronize_session=False))
    held = exists().where(UsernameHold.username == username)
    if db.scalar(select(held | exists().where(User.username == username))):
        raise UsernameTaken


def send_registration_email(db: Session, email: str) -> None:
    """Email the address used in a new registration.

    An unverified account gets a verification link. A verified account's owner is told
    that the account already exists.
    """
    user = changing.find_owner(db, email)
    if user is None:
        return
    if not user.is_verified:
        _send_link(db, user)
        return
    changing.mail_link(db, user, "auth/address_in_use")


def ask_for_link(db: Session, email: str, client: Client) -> None:
    """Queue a job that emails another link, if the account is still unverified."""
    if throttle.may_ask(client.ip_address) and throttle.may_mail(email, "verification"):
        enqueue(db, "auth.resend_verification", {"email": email})


def send_link_again(db: Session, email: str) -> None:
    user = changing.find_owner(db, email, ~pending.is_abandoned())
    if user and not user.is_verified:
        _send_link(db, user)


def _send_link(db: Session, user: User) -> None:
    """Email a link to verify the address, or to choose a password.

    Whoever opens the link owns the mailbox. If several people registered with this
    address, the stored password may be a stranger's. In that case the owner gets only a
    link that replaces the password (ASVS 6.8.1).
    """
    if pending.is_contested(db, user.email):
        changing.mail_link(db, user, "auth/choose_password")
        return
    token = one_time_tokens.issue(db, Purpose.VERIFY_EMAIL, user_id=user.id)
    life = LIFE[Purpose.VERIFY_EMAIL]
    queue_mail(
        db,
        user.email,
        "auth/verify_email",
        useful_for=life,
        to_stranger=True,
        username=user.username,
        link=one_time_tokens.link_with_token("verify-email", token),
        hours=life // timedelta(hours=1),
    )


def verify_email(db: Session, token: str, client: Client) -> None:
    """Verify the email address of the account to which a token belongs.

    Raises `InvalidToken`. This includes cases in which another registration used the
    same address, or this registration has expired.
    """
    user = one_time_tokens.owner_of(db, one_time_tokens.redeem(db, Purpose.VERIFY_EMAIL, token))
    if pending.is_contested(db, user.email) or pending.is_over(db, user):
        raise InvalidToken
    user.is_verified = True
    security_events.record(db, "email_verified", user.id, client)
    db.flush()
