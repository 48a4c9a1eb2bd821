"""Verified demo users, and the tokens that the examples in `/docs` need."""

import secrets
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.keys import cipher
from app.db import clock
from app.platform.live_examples import Live
from app.platform.models import ActivityEntry

from .credentials import one_time_tokens, security_events
from .credentials.client import Client
from .credentials.one_time_tokens import Purpose
from .google import journey
from .mfa import key_rotation, recovery_codes, second_factor, totp
from .models import Impersonation, LoginSession, RecoveryCode, Totp, User
from .schemas import DEMO
from .security import Access, hash_password, issue_refresh_token
from .sessions import impersonation
from .sessions.login_sessions import live_sessions, open_session

PASSWORD = DEMO["password"]  # `make dev` prints this password, and production refuses it
PEOPLE = {"admin": True, "author": False, "editor": False, "reader": False, "guarded": False}
GUARDED = "guarded"  # the demo user with a second factor
TOTP_SECRET = "DEMOSECRETFORTOTPCODESAAAAAAAAAA"  # noqa: S105 - as public as the password
# The events in each user's timeline, with their age in days. A timeline shows events in
# the order in which they were recorded, and the demo data of the blog adds newer
# events. Events older than 30 days could be purged before they are moved from the
# outbox.
TIMELINE = (
    (28, "login"),
    (28, "google_linked"),
    (26, "password_changed"),
    (21, "login"),
    (21, "google_unlinked"),
)


def load(db: Session) -> None:
    """Add the demo users that are missing.

    A demo user whose name or address was changed later does not count as missing.
    """
    for username, superuser in PEOPLE.items():
        email = f"{username}@example.com"
        if (
            db.scalar(
                select(User.id).where(or_(User.email == email, User.username == username)).limit(1)
            )
            is None
        ):
            # This user is not created by registration, because that refuses the
            # reserved name `admin`.
            person = User(username=username, email=email, hashed_password=hash_password(PASSWORD))
            person.is_verified, person.is_superuser = True, superuser
            db.add(person)
            db.flush()
            if username == GUARDED:
                db.add(_totp(person, TOTP_SECRET, confirmed=True))
            _record_timeline(db, person)
    db.flush()


def _record_timeline(db: Session, person: User) -> None:
    for days, event in TIMELINE:
        kind, summary = security_events.SHOWN[event]
        at = clock.now(-timedelta(days=days))
        shown = {"kind": kind, "summary": summary, "data": {"event": event}}
        db.add(ActivityEntry(user_id=person.id, created_at=at, **shown))


def examples(db: Session) -> dict[str, Live]:
    """Return demo users' tokens and codes for the examples in `/docs`.

    Using one token does not revoke the others, so the examples can be tried in any
    order.
    """
    people = {
        one.username: one
        for one in db.scalars(select(User).where(User.username.in_(PEOPLE), User.is_active))
    }
    live: dict[str, Live] = {}
    if admin := people.get("admin"):
        live["auth_exchange_google_code"] = Live(_google_code(db, admin))
        if guarded := people.get(GUARDED):
            live["auth_act_as_user"] = Live({"code": _code_to_act(db, admin, guarded)})
    if author := people.get("author"):
        live |= _of_author(db, author)
    if editor := people.get("editor"):
        live["auth_reset_password"] = Live({"token": _token(db, editor, Purpose.RESET_PASSWORD)})
    if reader := people.get("reader"):
        new_email = (
            "reader.new@example.com"
            if reader.email == "reader@example.com"
            else "reader@example.com"
        )
        live["auth_confirm_email_change"] = Live(
            {"token": _token(db, reader, Purpose.CHANGE_EMAIL, email=new_email)}
        )
    if (guarded := people.get(GUARDED)) and second_factor.is_enabled(db, guarded.id):
        code = _recovery_code(db, guarded)
        live["auth_answer_challenge"] = Live(
            {"mfa_token": _token(db, guarded, Purpose.MFA), "code": code}
        )
    return live


def _of_author(db: Session, author: User) -> dict[str, Live]:
    live = {
        "auth_verify_email": Live({"token": _token(db, author, Purpose.VERIFY_EMAIL)}),
        "auth_refresh": Live({"refresh_token": _refresh_token(db, author, "refresh")}),
        "auth_log_out": Live({"refresh_token": _refresh_token(db, author, "log-out")}),
    }
    if second_factor.is_enabled(db, author.id):
        return live | {"auth_disable_totp": Live({"code": _recovery_code(db, author)})}
    return live | {"auth_confirm_totp": Live({"code": _code_to_confirm(db, author)})}


def _token(db: Session, user: User, purpose: Purpose, **data: str) -> str:
    return one_time_tokens.issue(db, purpose, user_id=user.id, data=data, replaces=False)


def _google_code(db: Session, user: User) -> dict[str, str]:
    verifier = secrets.token_urlsafe(32)
    bound = {"browser": "", "challenge": journey.challenge_of(verifier)}
    code = _token(db, user, Purpose.GOOGLE_EXCHANGE, **bound)
    return {"code": code, "code_verifier": verifier}


def _refresh_token(db: Session, user: User, used_for: str) -> str:
    session = _session(db, user, used_for)
    return issue_refresh_token(session.id, session.refresh_count)


def _code_to_act(db: Session, admin: User, user: User) -> str:
    staff = _session(db, admin, "impersonation")
    open_now = select(Impersonation.session_id).where(
        Impersonation.staff_session_id == staff.id, impersonation.IS_LIVE
    )
    session_id = db.scalar(open_now.limit(1)) or impersonation.open_session(
        db, user, Access(admin.id, staff.id), impersonation.LONGEST
    )
    return impersonation.issue_code(db, user.id, session_id)


def _session(db: Session, user: User, used_for: str) -> LoginSession:
    """Return a session that only one example uses."""
    client = Client(ip_address="127.0.0.1", user_agent=f"Example of /docs: {used_for}")
    mine = live_sessions().where(
        LoginSession.user_id == user.id, LoginSession.user_agent == client.user_agent
    )
    session = db.scalar(mine.limit(1))
    if session is None:
        open_session(db, user, client)
        session = db.scalars(mine.limit(1)).one()
    return session


def _recovery_code(db: Session, user: User) -> str:
    """Return an unused recovery code for this user.

    Unlike a code from an authenticator app, a recovery code stays valid until it is
    used.
    """
    code = f"LIFTOFF-DEMO-{user.id}"
    digest = recovery_codes.code_digest(code)
    row = db.scalar(select(RecoveryCode).where(RecoveryCode.digest == digest))
    if row is None:
        row = RecoveryCode(user_id=user.id, digest=digest)
        db.add(row)
    row.used_at = None
    db.flush()
    return code


def _code_to_confirm(db: Session, user: User) -> str:
    """Return a code for the user's unconfirmed secret, creating a secret if necessary.

    This is the code for the next 30-second time step. That code is already accepted,
    and stays valid longer than the current code.
    """
    row = db.scalar(select(Totp).where(Totp.user_id == user.id))
    secret = second_factor.read_secret(row) if row else None
    if secret is None:
        second_factor.remove_second_factor(db, user.id)
        db.add(_totp(user, secret := totp.new_secret(), confirmed=False))
        db.flush()
    return totp.code_at(secret, totp.step_at(clock.read_database_time(db)) + 1)


def _totp(user: User, secret: str, *, confirmed: bool) -> Totp:
    encrypted = cipher(key_rotation.PURPOSE).encrypt(secret.encode()).decode()
    return Totp(user_id=user.id, secret=encrypted, confirmed_at=clock.now() if confirmed else None)
