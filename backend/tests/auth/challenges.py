"""The HTTP requests of a sign-in with a second factor."""

from sqlalchemy import func, select

from app.routers.auth.models import LoginSession
from tests.auth.factories import PASSWORD

REFUSED = (401, "invalid_code")


def sign_in(client, user, password=PASSWORD):
    return client.post("/auth/token", data={"username": user.email, "password": password})


def challenge(client, user):
    return sign_in(client, user).json()["mfa_token"]


def send(client, mfa_token, code, session="body"):
    return client.post(
        f"/auth/token/mfa?session={session}", json={"mfa_token": mfa_token, "code": code}
    )


def guess(client, user, phone, tries=5):
    """Send wrong codes for a new challenge, and return the responses.

    Five wrong codes end a challenge.
    """
    mfa_token = challenge(client, user)
    return [send(client, mfa_token, phone.wrong_code()) for _ in range(tries)]


def outcome(answer):
    return answer.status_code, answer.json().get("code", "ok")


def sessions_of(db, user):
    return db.scalar(
        select(func.count()).select_from(LoginSession).where(LoginSession.user_id == user.id)
    )
