"""The rules of making an account: it waits for its address to be verified, and gives way when nobody does.

What a request does is the same whether the address is free or taken. Who has an account is looked up by a job
afterwards, so that neither the answer nor its time can tell (requirements 1 and 4).
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.core.types import now
from app.db.errors import conflicts
from app.platform.jobs import enqueue
from app.platform.mail import queue_mail

from . import events, passwords, throttle, tokens
from .models import Identity, LoginSession, User, UsernameHold
from .schemas import Registration
from .security import hash_password, refuse_weak
from .service import UsernameTaken
from .sessions import Client
from .tokens import LIFE, Purpose

PENDING = timedelta(hours=24)
"""How long a registration waits for its link to be opened. A new link does not make it longer: else its user name would
be held longer than one that was asked for with a taken address, and tell the two apart."""


class _AddressTaken(Conflict):
    """Never leaves this module: nobody is told."""


def register(db: Session, data: Registration) -> None:
    """Make an account that waits for its address to be verified. Whether the address was taken is not told.

    Raises `UsernameTaken`, `WeakPassword`.
    """
    refuse_weak(data.password, data.username, data.email.partition("@")[0])
    hashed = hash_password(data.password)  # for a taken address, too: both cases take the same time
    make_way(db, User.username == data.username, User.email == data.email)
    refuse_taken(db, data.username)
    try:
        with db.begin_nested(), conflicts({"uq_users_username": UsernameTaken, "uq_users_email": _AddressTaken}):
            db.add(User(username=data.username, email=data.email, hashed_password=hashed))
            db.flush()
    except _AddressTaken:
        with conflicts({"uq_username_holds_username": UsernameTaken}):
            db.add(UsernameHold(username=data.username, expires_at=now() + PENDING))
            db.flush()
    if throttle.may_mail(data.email, "registration"):
        enqueue(db, "auth.registered", {"email": data.email})


def refuse_taken(db: Session, username: str) -> None:
    """Raise `UsernameTaken` where an account has this name, or a registration holds it."""
    db.execute(delete(UsernameHold).where(UsernameHold.expires_at < now()))
    held = exists().where(UsernameHold.username == username)
    if db.scalar(select(held | exists().where(User.username == username))):
        raise UsernameTaken


def make_way(db: Session, *which: ColumnElement[bool]) -> None:
    """Delete those of these accounts whose registration was never finished in time."""
    forgotten = delete(User).where(abandoned(), or_(*which))
    db.execute(forgotten.execution_options(synchronize_session=False))


def give_way(db: Session, email: str) -> None:
    """Delete an unfinished registration with this address: somebody else has just shown that it is theirs."""
    unfinished = delete(User).where(_unfinished(), User.email == email)
    db.execute(unfinished.execution_options(synchronize_session=False))


def abandoned() -> ColumnElement[bool]:
    """Registrations that nobody finished in time."""
    return and_(_unfinished(), User.created_at < now() - PENDING)


def _unfinished() -> ColumnElement[bool]:
    """Accounts whose address was never verified. Not among them: who ever signed in, and lost the mark since."""
    came_in = exists().where(LoginSession.user_id == User.id) | exists().where(Identity.user_id == User.id)
    return and_(User.is_verified.is_(False), User.is_active, ~came_in)


def greet(db: Session, email: str) -> None:
    """Somebody registered with this address: mail a link to verify it, or tell its owner that it has an account."""
    user = passwords.find_owner(db, email)
    if user is None:
        return
    if not user.is_verified:
        _send_link(db, user)
        return
    queue_mail(db, email, "auth/address_in_use", username=user.username, **passwords.new_link(db, user))


def ask_for_link(db: Session, email: str, client: Client) -> None:
    """Have another link sent, if there is an account that waits for it."""
    if throttle.may_ask(client.ip_address) and throttle.may_mail(email, "verification"):
        enqueue(db, "auth.resend_verification", {"email": email})


def send_link_again(db: Session, email: str) -> None:
    user = passwords.find_owner(db, email)
    if user and not user.is_verified:
        _send_link(db, user)


def _send_link(db: Session, user: User) -> None:
    token = tokens.issue(db, Purpose.VERIFY_EMAIL, user_id=user.id)
    hours = LIFE[Purpose.VERIFY_EMAIL] // timedelta(hours=1)
    link = tokens.link("verify-email", token)
    queue_mail(db, user.email, "auth/verify_email", username=user.username, link=link, hours=hours)


def verify_email(db: Session, token: str, client: Client) -> None:
    """Raises `InvalidToken`."""
    user = tokens.owner_of(db, tokens.redeem(db, Purpose.VERIFY_EMAIL, token))
    user.is_verified = True
    events.record(db, "email_verified", user.id, client)
    db.flush()
