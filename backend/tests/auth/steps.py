"""Steps of the tests of accounts, over HTTP."""

from sqlalchemy import select

from app.db.database import SessionLocal
from app.routers.auth.models import SecurityEvent, User
from tests.auth.factories import PASSWORD

NEW_PASSWORD = "another long pass phrase"


def sign_in(client, user, password=PASSWORD, **options):
    return client.post(
        "/auth/token", data={"username": user.email, "password": password}, **options
    )


def bearer(token):
    return {"Authorization": f"Bearer {token['access_token']}"}


def refresh(client, token):
    return client.post("/auth/refresh", json={"refresh_token": token["refresh_token"]})


def lives(client, token):
    """Return whether a session's access token is valid.

    The session's refresh token must give the same answer.
    """
    return client.get("/auth/me", headers=bearer(token)).status_code == 200


def outcome(answer):
    return answer.status_code, answer.json()["code"] if answer.content else None


def events_of(db, kind, user=None):
    events = select(SecurityEvent).where(SecurityEvent.kind == kind)
    return list(db.scalars(events.where(SecurityEvent.user_id == user.id) if user else events))


def row_of(user):
    """Return the columns of an account as they are now."""
    with SessionLocal() as db:
        return db.execute(select(User.__table__).where(User.id == user.id)).one()
