"""A process may remember which user a token belongs to, but not after this has
changed.
"""

import time
from contextlib import ExitStack

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from app.db.database import engine
from app.platform.cache import watches
from app.platform.cache.callers import callers
from app.routers.auth.models import Identity, LoginSession, User
from app.routers.auth.sessions import remembered
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.support import patient
from tests.support.server import running_server

SECOND = 1.0


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def past_the_application(statement, **values):
    """Change a row in a way that no process notices."""
    with engine.begin() as connection:
        connection.execute(text(statement), values)


@pytest.fixture
def remembering(client, committed, settings, monkeypatch):
    """A client of an application that remembers identities for a minute.

    The application always assumes that it has heard of all changes in other processes.
    """
    settings(IDENTITY_CACHE_SECONDS="60")
    monkeypatch.setattr(watches.freshness, "until", float("inf"))
    callers.entries.clear()
    remembered.IDENTITY.change()  # a new row may get the id, and so the token, of a deleted row
    return client


def test_a_second_request_asks_the_database_nothing(remembering, login, statements):
    login(make_user())
    first = remembering.get("/auth/me")
    statements.clear()
    second = remembering.get("/auth/me")
    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["cache-control"] == "no-store"
    assert statements == []


def test_other_reads_save_the_statement_that_finds_the_user(remembering, login, statements):
    login(make_user())
    counts = []
    for _ in range(2):
        statements.clear()
        assert remembering.get("/blog/posts?published_only=false").status_code == 200
        counts.append(len(statements))
    assert counts[1] == counts[0] - 1
    assert not any("login_sessions" in statement for statement in statements)


def test_by_default_every_request_asks(client, db, login, statements):
    login(make_user())
    for _ in range(2):
        statements.clear()
        client.get("/auth/me")
        assert any("login_sessions" in statement for statement in statements)


def test_tokens_are_not_confused(remembering):
    users = [make_user() for _ in range(3)]
    tokens = [token_for(user) for user in users]
    for _ in range(2):
        seen = [remembering.get("/auth/me", headers=bearer(token)).json() for token in tokens]
        assert [me["username"] for me in seen] == [user.username for user in users]
    wrong = remembering.get("/auth/me", headers=bearer(tokens[0][:-2] + "xx"))
    assert wrong.status_code == 401
    assert remembering.get("/auth/me").status_code == 401


def log_out(client, _user):
    assert client.post("/auth/logout").status_code == 204


def disable(_client, user):
    with Session(engine) as db, db.begin():
        db.get_one(User, user.id).is_active = False


def disable_by_statement(_client, user):
    with Session(engine) as db, db.begin():
        db.execute(update(User).where(User.id == user.id).values(is_active=False))


def change_password(client, user):
    other = bearer(token_for(user))
    body = {"current_password": PASSWORD, "new_password": "another horse entirely"}
    assert client.post("/auth/password/change", json=body, headers=other).status_code == 204


def delete_account(client, user):
    other = bearer(token_for(user))
    body = {"password": PASSWORD}
    assert client.post("/auth/delete-account", json=body, headers=other).status_code == 204


@pytest.mark.parametrize(
    "revoke", [log_out, disable, disable_by_statement, change_password, delete_account]
)
def test_in_its_own_process_a_revocation_takes_effect_at_once(remembering, login, revoke):
    user = login(make_user())
    paths = ("/auth/me", "/blog/posts?published_only=false")
    for path in paths:
        assert remembering.get(path).status_code == 200
    revoke(remembering, user)
    for path in paths:
        assert remembering.get(path).status_code == 401


def test_what_me_shows_is_never_older_than_a_change(remembering, login, committed):
    user = login(make_user())
    assert not remembering.get("/auth/me").json()["has_google"]
    with committed() as db, db.begin():
        db.add(Identity(user_id=user.id, issuer="https://accounts.google.com", subject="1"))
    assert remembering.get("/auth/me").json()["has_google"]
    assert remembering.patch("/auth/me", json={"username": "renamed"}).status_code == 200
    assert remembering.get("/auth/me").json()["username"] == "renamed"


def test_what_cannot_wait_asks_the_database(remembering, login):
    """The test changes the account directly in the database. The server process is not
    told, so only routes that read the database see the changes.
    """
    user = login(make_user(is_superuser=True))
    assert remembering.get("/auth/me").status_code == 200
    assert remembering.get("/payments/admin/events").status_code == 200
    past_the_application("UPDATE users SET is_superuser = false WHERE id = :id", id=user.id)
    assert remembering.get("/auth/me").json()["is_superuser"], "this one is remembered"
    assert remembering.get("/payments/admin/events").status_code == 403
    past_the_application("UPDATE users SET is_active = false WHERE id = :id", id=user.id)
    assert remembering.get("/auth/me").status_code == 200
    for path in ("/payments/subscription", "/payments/invoices", "/auth/sessions"):
        assert remembering.get(path).status_code == 401, path
    body = {"title": "a", "content": "b"}
    assert remembering.post("/blog/posts", json=body).status_code == 401
    body = {"current_password": PASSWORD, "new_password": "another horse entirely"}
    assert remembering.post("/auth/password/change", json=body).status_code == 401
    assert remembering.post("/auth/mfa/totp", json={"password": PASSWORD}).status_code == 401


def test_a_token_is_not_remembered_beyond_its_end(remembering, login, monkeypatch):
    login(make_user())
    monkeypatch.setattr(remembered, "seconds_left", lambda _token: 0.0)
    assert remembering.get("/auth/me").status_code == 200
    assert remembering.get("/auth/me").status_code == 200
    assert len(callers.entries) == 0


def test_without_fresh_knowledge_nothing_is_remembered(remembering, login, monkeypatch):
    user = login(make_user())
    assert remembering.get("/auth/me").status_code == 200
    past_the_application("UPDATE users SET is_active = false WHERE id = :id", id=user.id)
    assert remembering.get("/auth/me").status_code == 200
    monkeypatch.setattr(watches.freshness, "until", 0.0)
    assert remembering.get("/auth/me").status_code == 401


def test_a_write_in_a_read_is_kept(remembering, login, committed):
    """A remembered user is part of the request's own session, like any other user."""
    user = login(make_user())
    for path in ("/auth/me", "/blog/posts?published_only=false"):
        assert remembering.get(path).status_code == 200
    with committed() as db, db.begin():
        token = remembering.headers["Authorization"].removeprefix("Bearer ")
        route = next(one for one in remembered_routes() if one.path == "/me")
        session, until = remembered.session_of_token(db, token, route)
        assert until
        session.user.email = "elsewhere@example.com"
    with committed() as db:
        assert db.get(User, user.id).email == "elsewhere@example.com"
        assert db.get(LoginSession, session.id).user_id == user.id


def remembered_routes():
    from app.routers.auth.accounts.routes import router

    return router.routes


@pytest.mark.parametrize("shared", [False, True], ids=["polled", "redis"])
def test_another_process_forgets_within_a_second(committed, request, shared):
    variables = {"IDENTITY_CACHE_SECONDS": "60"}
    if shared:
        variables["REDIS_URL"] = request.getfixturevalue("redis_url")
    user = make_user()
    with ExitStack() as running:
        urls = [running.enter_context(running_server(**variables)).url for _ in range(2)]
        one, two = (running.enter_context(patient.Client(base_url=url)) for url in urls)
        for _ in range(3):
            headers = bearer(token_for(user))
            for _ in range(2):
                assert one.get("/auth/me", headers=headers).status_code == 200
                assert two.get("/auth/me", headers=headers).status_code == 200
            assert one.post("/auth/logout", headers=headers).status_code == 204
            acknowledged = time.monotonic()
            assert one.get("/auth/me", headers=headers).status_code == 401
            while two.get("/auth/me", headers=headers).status_code != 401:
                assert time.monotonic() - acknowledged < SECOND
