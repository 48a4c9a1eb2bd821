"""Ending the sessions of all users, after a leak."""

from sqlalchemy import select, update

from app.db import clock
from app.db.database import SessionLocal
from app.routers.auth import queries
from app.routers.auth.models import LoginSession, User

BATCH = 100  # users in one transaction, which holds their locks


def end_everyones_sessions() -> int:
    """End every session that is open, and return the number of users who had one.

    The application may run meanwhile. Each batch of users is a transaction, so an
    interrupted run has an effect, and another run completes it.
    """
    users = last = 0
    while True:
        with SessionLocal() as db, db.begin():
            open_ones = select(LoginSession.user_id).where(
                LoginSession.ended_at.is_(None), LoginSession.user_id > last
            )
            some = open_ones.distinct().order_by(LoginSession.user_id).limit(BATCH)
            ids = db.scalars(some).all()
            if not ids:
                return users
            queries.lock_all(db, User.id.in_(ids))
            theirs = LoginSession.user_id.in_(ids), LoginSession.ended_at.is_(None)
            db.execute(update(LoginSession).where(*theirs).values(ended_at=clock.now()))
            users, last = users + len(ids), ids[-1]
