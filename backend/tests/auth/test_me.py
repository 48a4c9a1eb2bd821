"""`GET /auth/me`: the caller's own account."""

from sqlalchemy import select

from app.routers.auth.models import LoginSession, User
from tests.auth.factories import PASSWORD, make_user, token_for


def test_a_user_reads_the_documented_fields_of_their_account(client, login, db):
    user = login(make_user(username="ada", email="ada@example.org"))
    answer = client.get("/auth/me")
    body = answer.json()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": user.id,
        "username": "ada",
        "email": "ada@example.org",
        "is_verified": True,
        "is_superuser": False,
        "has_password": True,
        "has_google": False,
        "has_mfa": False,
        "impersonated_by": None,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_account_without_a_password_says_so(client, login, db):
    login(make_user(hashed_password=None))
    assert client.get("/auth/me").json()["has_password"] is False


def test_the_public_has_no_account(client, db):
    answer = client.get("/auth/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_session_and_user_are_one_statement(client, login, statements, db):
    login(make_user())
    client.get("/nowhere")  # the first request of a process also reads the schema's revision
    statements.clear()
    assert client.get("/auth/me").status_code == 200
    who = [
        statement
        for statement in statements
        if "login_sessions" in statement or "FROM users" in statement
    ]
    assert len(who) == 1
    assert "JOIN login_sessions" in who[0]


def test_a_cookie_alone_is_nobody(client, db):
    client.cookies.set("access_token", token_for(make_user()))
    assert client.get("/auth/me").status_code == 401


def test_a_token_in_the_query_is_nobody(client, db):
    """A route refuses parameters that it does not know."""
    assert (
        client.get("/auth/me", params={"access_token": token_for(make_user())}).status_code == 422
    )


def test_nothing_that_a_client_was_given_stands_in_the_database(client, db):
    user = make_user()
    token = client.post(
        "/auth/token", data={"username": user.username, "password": PASSWORD}
    ).json()["access_token"]
    rows = str(db.execute(select(LoginSession.__table__)).all()) + str(
        db.execute(select(User.__table__)).all()
    )
    assert not any(part in rows for part in [PASSWORD, *token.split(".")[1:]])
