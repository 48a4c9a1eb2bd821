"""Every sign-in with a wrong username or password gets the same response.

Only someone who sends the right password learns why the account cannot be used.
"""

import pytest
from passlib.context import CryptContext
from passlib.hash import argon2
from sqlalchemy import func, select

from app.core.types import utc_now
from app.routers.auth import security
from app.routers.auth.models import LoginSession, User
from app.routers.auth.sessions.login_sessions import LIFE
from tests.auth.factories import PASSWORD, make_user

WRONG = "wrong horse battery staple"


def sign_in(client, username, password=PASSWORD, **more):
    return client.post("/auth/token", data={"username": username, "password": password} | more)


def test_a_right_password_gives_a_token_that_names_a_session(client, db):
    user = make_user()
    answer = sign_in(client, user.username)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert {"token_type": "bearer", "expires_in": 900}.items() <= answer.json().items()
    me = client.get(
        "/auth/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"}
    )
    assert me.json()["username"] == user.username
    session = db.scalar(select(LoginSession).where(LoginSession.user_id == user.id))
    assert session.expires_at - session.created_at == LIFE


@pytest.mark.parametrize(
    "spelling",
    [
        "ada.lovelace",
        "ADA.LOVELACE",
        " ada.lovelace",
        "\uff41da.lovelace",
        "ada@example.org",
        "Ada@Example.ORG",
        "\uff41da@example.org",
    ],
)
def test_the_name_may_be_user_name_or_address_in_any_spelling(client, db, spelling):
    make_user(username="ada.lovelace", email="ada@example.org")
    assert sign_in(client, spelling).status_code == 200, spelling


def test_a_reserved_user_name_that_we_gave_signs_in_with_it(client, db):
    make_user(username="admin", email="admin@example.com")
    assert sign_in(client, "admin").status_code == 200


def test_every_wrong_pair_gets_one_and_the_same_answer(client, db):
    """Requirement 2."""
    names = {
        "unknown": "nobody.here",
        "unknown address": "nobody@example.org",
        "no name at all": "\u0430 b\u202e@",
        "wrong password": make_user().username,
        "disabled": make_user(is_active=False).username,
        "unverified": make_user(is_verified=False).username,
        "Google only": make_user(hashed_password=None).username,
    }
    answers = {}
    for case, name in names.items():
        answer = sign_in(client, name, WRONG)
        body = answer.json()
        assert (answer.status_code, body.pop("request_id", None) is not None) == (401, True), case
        headers = {
            k: v
            for k, v in answer.headers.items()
            if k not in ("x-request-id", "date", "set-cookie")
        }
        answers[case] = (body, headers)
    assert all(answer == answers["unknown"] for answer in answers.values())
    assert answers["unknown"][0]["code"] == "invalid_credentials"
    assert answers["unknown"][1]["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"is_active": False}, "account_disabled"),
        ({"is_verified": False}, "email_not_verified"),
        ({"is_active": False, "is_verified": False}, "account_disabled"),
    ],
)
def test_the_right_password_reveals_why_an_account_is_closed(client, db, columns, code):
    """Requirement 2."""
    user = make_user(**columns)
    answer = sign_in(client, user.username)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert db.scalar(select(func.count(LoginSession.id))) == 0


def test_passwords_are_kept_as_argon2id_with_the_documented_cost(client, db, real_hashing):
    """Requirement 9."""
    client.post(
        "/auth/register", json={"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    )
    hashed = db.scalar(select(User.hashed_password))
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in hashed


@pytest.mark.parametrize(
    "old",
    [
        argon2.using(type="ID", memory_cost=8192, time_cost=1, parallelism=1),
        argon2.using(type="ID", memory_cost=65536, time_cost=3, parallelism=4),
        argon2.using(type="I", memory_cost=19456, time_cost=2, parallelism=1),
    ],
    ids=["cheaper", "dearer", "argon2i"],
)
def test_an_outdated_hash_is_replaced_at_the_next_sign_in(client, db, real_hashing, old):
    """Requirement 9."""
    user = make_user(hashed_password=old.hash(PASSWORD))
    before = user.hashed_password
    assert sign_in(client, user.username, WRONG).status_code == 401
    assert db.scalar(select(User.hashed_password)) == before
    assert sign_in(client, user.username).status_code == 200
    after = db.scalar(select(User.hashed_password))
    assert after.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert CryptContext(["argon2"]).verify(PASSWORD, after)
    assert sign_in(client, user.username).status_code == 200
    assert db.scalar(select(User.hashed_password)) == after


@pytest.mark.parametrize("kib", ["", "1024"], ids=["documented", "another"])
def test_the_dummy_hash_costs_as_much_as_a_real_one(settings, monkeypatch, kib):
    """Requirement 3: this also holds if the settings change the cost of hashing."""
    settings(PASSWORD_HASH_KIB=kib)
    compared: list[str] = []
    # Without this replacement, only the response time would show which hash is
    # compared. `test_timing.py` measures response times, but takes long.
    monkeypatch.setattr(
        CryptContext, "verify", lambda _self, _password, hashed: compared.append(hashed)
    )
    assert security.verify_password(PASSWORD, None) == (False, None)
    assert [costs(hashed) for hashed in compared] == [costs(security.hash_password(PASSWORD))]


def costs(hashed):
    """Return the kind, version and parameters of a hash."""
    return hashed.split("$")[1:4]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"username": "ada"},
        {"password": PASSWORD},
        {"username": "ada", "password": ""},
        {"username": "ada", "password": "x" * 257},
        {"username": "a" * 321, "password": PASSWORD},
        {"username": "ada", "password": PASSWORD, "grant_type": "client_credentials"},
        {"username": "ada\0", "password": PASSWORD},
    ],
    ids=str,
)
def test_another_form_is_refused_and_not_repeated(client, db, form):
    answer = client.post("/auth/token", data=form)
    assert answer.status_code == 422
    assert PASSWORD not in answer.text


def test_json_is_no_form(client, db):
    user = make_user()
    answer = client.post("/auth/token", json={"username": user.username, "password": PASSWORD})
    assert answer.status_code in (415, 422)


def test_a_long_user_agent_is_cut_to_its_column(client, db):
    user = make_user()
    answer = client.post(
        "/auth/token",
        data={"username": user.username, "password": PASSWORD},
        headers={"User-Agent": b"\xe9" * 4000},
    )
    assert answer.status_code == 200
    session = db.scalar(select(LoginSession).where(LoginSession.user_id == user.id))
    assert len(session.user_agent) == 255
    assert abs((session.created_at - utc_now()).total_seconds()) < 60
