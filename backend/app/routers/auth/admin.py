"""Auth in the admin: accounts, security events, blocked addresses, and the sign-in."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.core.errors import Unprocessable
from app.core.networks import is_address
from app.core.types import MAX_ID
from app.platform.admin.plotting import per_day
from app.platform.admin.views import (
    Action,
    Badge,
    Block,
    Chart,
    Column,
    Field,
    Figure,
    Filter,
    Given,
    Person,
    Series,
    Table,
    Tool,
    View,
)

from . import queries
from .accounts import moderation
from .models import LoginSession, SecurityEvent, User
from .sign_in.impersonation_pages import IMPERSONATE, IMPERSONATIONS
from .sign_in.staff import StaffGate
from .sign_in.with_password import login_name

GATE = StaffGate()
SHOWN = 20
DAYS = 30


def _find_user(text: str) -> ColumnElement[bool] | None:
    """Return a condition that finds a user by id, username or email, using an index."""
    conditions: list[ColumnElement[bool]] = []
    if text.isascii() and text.isdigit() and int(text[:20]) <= MAX_ID:
        conditions.append(User.id == int(text))
    if name := login_name(text):
        conditions.append(User.email == name if "@" in name else User.username == name)
    return or_(*conditions) if conditions else None


def _state(user: User) -> Badge:
    if user.is_deleted:
        return Badge("deleted")
    if not user.is_active:
        return Badge("disabled", "bad")
    return Badge("active", "good") if user.is_verified else Badge("not verified", "warning")


def _tables(db: Session, user: User) -> list[Table]:
    sessions = select(LoginSession).where(LoginSession.user_id == user.id)
    events = select(SecurityEvent).where(SecurityEvent.user_id == user.id)
    newest = (SecurityEvent.created_at.desc(), SecurityEvent.id.desc())
    return [
        Table(
            "Sessions",
            ("Began", "Last used", "Ended", "Address", "Device"),
            [
                (one.created_at, one.last_used_at, one.ended_at, one.ip_address, one.user_agent)
                for one in db.scalars(sessions.order_by(LoginSession.id.desc()).limit(SHOWN))
            ],
        ),
        Table(
            "Security events",
            ("When", "What", "Address", "Facts"),
            [
                (one.created_at, one.kind, one.ip_address, one.facts)
                for one in db.scalars(events.order_by(*newest).limit(SHOWN))
            ],
        ),
    ]


def _disable(db: Session, user: User, given: Given) -> str:
    moderation.disable_account(db, user.id, by=given.staff_id)
    return "The account is disabled, and its sessions have ended."


def _enable(db: Session, user: User, given: Given) -> str:
    moderation.enable_account(db, user.id, by=given.staff_id)
    return "The account can sign in again."


def _verify(db: Session, user: User, given: Given) -> str:
    moderation.verify_account(db, user.id, by=given.staff_id)
    return "The address counts as verified."


def _sign_out(db: Session, user: User, given: Given) -> str:
    moderation.sign_out_account(db, user.id, by=given.staff_id)
    return "All sessions of the account have ended."


def _reset_second_factor(db: Session, user: User, given: Given) -> str:
    moderation.reset_second_factor(db, user.id, by=given.staff_id)
    return "The second factor is off, and the owner gets an email about it."


def _mail_link(db: Session, user: User, _given: Given) -> str:
    moderation.mail_password_link(db, user.id)
    return "The owner gets an email with a link to set a new password."


def _forgive(db: Session, user: User, _given: Given) -> str:
    moderation.forgive_account(db, user.id)
    return "The wrong passwords and codes of this account count no more."


def _is_there(user: User) -> bool:
    return not user.is_deleted


ACTIONS = (
    Action(
        "disable",
        "Disable",
        _disable,
        about="Nobody can sign in to the account, its sessions end, and its links stop working.",
        when=lambda user: user.is_active and not user.is_deleted,
    ),
    Action("enable", "Enable", _enable, when=lambda user: not (user.is_active or user.is_deleted)),
    Action(
        "verify",
        "Verify the address",
        _verify,
        about="Do this only if you know that the address belongs to the owner of the account.",
        when=lambda user: not (user.is_verified or user.is_deleted),
    ),
    Action("end-sessions", "End all sessions", _sign_out, when=_is_there),
    Action(
        "reset-second-factor",
        "Reset the second factor",
        _reset_second_factor,
        about="Make sure that the owner is asking, and not a thief who knows the password.",
        when=lambda user: bool(user.has_mfa),
    ),
    IMPERSONATE,
    Action(
        "mail-password-link",
        "Email a password link",
        _mail_link,
        when=_is_there,
        is_dangerous=False,
    ),
    Action(
        "forgive",
        "Unlock sign-in",
        _forgive,
        about="Clears the counts of wrong passwords that lock out strangers.",
        when=_is_there,
        is_dangerous=False,
    ),
)


def _unblock(_db: Session, given: Given) -> str:
    address, name = given.values["address"], given.values["name"]
    if not is_address(address):
        raise Unprocessable("“Address” must be an IPv4 or IPv6 address.")
    moderation.forgive_address(address, *([login_name(name)] if name else []))
    return f"The limits of {address} are cleared."


def _sign_ups(db: Session) -> Figure:
    points = per_day(db, User.created_at, DAYS)
    number = sum(int(value) for _, value in points)
    return Figure(f"{number:,}", [Series("Sign-ups", points)], f"in the last {DAYS} days")


VIEWS = (
    View(
        key="users",
        title="Users",
        group="Accounts",
        model=User,
        about="Search by id, username or email. Other text is searched for within names.",
        columns=(
            Column("Username", lambda user: user.username),
            Column("Email", lambda user: user.email),
            Column("State", _state),
            Column("Created", lambda user: user.created_at),
        ),
        details=(
            Column("State", _state),
            Column("Email", lambda user: user.email),
            Column("Role", lambda user: "superuser" if user.is_superuser else "user"),
            Column("Password", lambda user: "set" if user.hashed_password else "none"),
            Column("Google", lambda user: "linked" if user.has_google else "not linked"),
            Column("Second factor", lambda user: "on" if user.has_mfa else "off"),
            Column("Created", lambda user: user.created_at),
            Column("Changed", lambda user: user.updated_at),
        ),
        name=lambda user: user.username,
        find=_find_user,
        search=(User.username, User.email),
        filters=(
            Filter(
                "state",
                "State",
                {
                    "active": User.is_active & User.is_verified,
                    "not verified": User.is_active & ~User.is_verified,
                    "disabled": ~User.is_active & ~User.is_deleted,
                    "superusers": User.is_superuser.is_(True),
                },
            ),
        ),
        prepare=queries.describe,
        tables=_tables,
        actions=ACTIONS,
    ),
    View(
        key="security-events",
        title="Security events",
        group="Accounts",
        model=SecurityEvent,
        about="Search by the id of a user, by a kind such as locked_out, or by an address.",
        columns=(
            Column("When", lambda event: event.created_at),
            Column("What", lambda event: event.kind),
            Column("Who", lambda event: Person(event.user_id) if event.user_id else None),
            Column("Address", lambda event: event.ip_address),
        ),
        details=(
            Column("When", lambda event: event.created_at),
            Column("Who", lambda event: Person(event.user_id) if event.user_id else None),
            Column("Address", lambda event: event.ip_address),
            Column("Facts", lambda event: Block(event.facts)),
        ),
        name=lambda event: event.kind,
        find=lambda text: SecurityEvent.user_id == int(text) if text.isdecimal() else None,
        search=(SecurityEvent.kind, SecurityEvent.ip_address),
    ),
    IMPERSONATIONS,
)
TOOLS = (
    Tool(
        key="unblock",
        title="Unblock an address",
        group="Accounts",
        about="Clears what the limits have counted for an address: sign-ins, codes, "
        "registrations and emails. Without Redis, each server process counts for itself, and "
        "this clears the counts of one process.",
        button="Unblock",
        fields=(
            Field("address", "Address", longest=45, about="An IPv4 or IPv6 address"),
            Field("name", "Username or email that was tried from there", optional=True),
        ),
        run=_unblock,
        target=lambda given: f"address:{given.values['address']}",
    ),
)
CHARTS = (Chart("sign-ups", "Sign-ups", _sign_ups, kind="bars"),)
