"""Every hour, all expired rows are deleted, and no other rows."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.core.types import utc_now
from app.platform.jobs import job_kinds
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import (
    Identity,
    LoginSession,
    OneTimeToken,
    SecurityEvent,
    User,
    UsernameHold,
)
from app.routers.auth.sessions.login_sessions import open_session
from tests.auth.factories import make_user
from tests.support.jobs import purge

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HERE = Client("192.0.2.1", "tests")


def test_it_comes_every_hour():
    planned = {name: kind.every for name, kind in job_kinds().items() if name.startswith("purge.")}
    tables = ("one_time_tokens", "username_holds", "login_sessions", "security_events", "users")
    assert {f"purge.{table}": HOUR for table in tables}.items() <= planned.items()


def test_expired_links_go_and_live_ones_stay(db):
    user = make_user()
    for purpose in (Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL):
        one_time_tokens.issue(db, purpose, user_id=user.id)
    db.scalars(
        select(OneTimeToken).where(OneTimeToken.purpose == Purpose.RESET_PASSWORD)
    ).one().expires_at = utc_now() - HOUR
    purge(db)
    assert db.scalars(select(OneTimeToken.purpose)).all() == [Purpose.VERIFY_EMAIL]


def test_sessions_go_a_month_after_their_end(db):
    user = make_user()
    for _ in range(5):
        open_session(db, user, HERE)
    ended, long_ended, expired, long_expired, live = db.scalars(
        select(LoginSession).order_by(LoginSession.id)
    )
    ended.ended_at = expired.expires_at = utc_now() - 29 * DAY
    long_ended.ended_at = long_expired.expires_at = utc_now() - 31 * DAY
    kept = {ended.id, expired.id, live.id}
    purge(db)
    assert set(db.scalars(select(LoginSession.id))) == kept


def test_held_user_names_go_when_they_are_free(db):
    db.add_all(
        [
            UsernameHold(username="gone", expires_at=utc_now() - HOUR),
            UsernameHold(username="held", expires_at=utc_now() + HOUR),
        ]
    )
    purge(db)
    assert db.scalars(select(UsernameHold.username)).all() == ["held"]


def test_registrations_that_nobody_finished_go_after_a_day(db):
    """Users are kept if they are verified, disabled or linked to Google, or have signed
    in before.
    """
    old: dict[str, Any] = {"is_verified": False, "created_at": utc_now() - DAY - HOUR}
    make_user(**old)
    kept = [
        make_user(is_verified=False, created_at=utc_now() - DAY + HOUR),
        make_user(**old | {"is_verified": True}),
        make_user(**old, is_active=False),
        make_user(**old),
        make_user(**old),
    ]
    open_session(db, kept[3], HERE)
    db.add(Identity(user_id=kept[4].id, issuer="https://accounts.google.com", subject="1"))
    db.flush()
    purge(db)
    assert set(db.scalars(select(User.id))) == {user.id for user in kept}


def test_security_events_are_kept_for_400_days(db):
    for age in (399, 401):
        db.add(SecurityEvent(kind=f"{age} days", created_at=utc_now() - age * DAY))
    purge(db)
    assert db.scalars(select(SecurityEvent.kind)).all() == ["399 days"]
