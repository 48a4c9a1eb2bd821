"""A user sets up a second factor, confirms the factor with a code, and turns it off
again.
"""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from sqlalchemy import select, text

from app.core.types import utc_now
from app.platform.models import Mail
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import LoginSession, RecoveryCode, SecurityEvent, Totp
from tests.auth.factories import PASSWORD, make_user
from tests.auth.phones import Phone, phone_of

pytestmark = pytest.mark.usefixtures("still")


@pytest.fixture
def user(db, login):
    return login(make_user())


def set_up(client, password=PASSWORD):
    return client.post("/auth/mfa/totp", json={"password": password})


def confirm(client, code):
    return client.post("/auth/mfa/totp/confirm", json={"code": code})


def disable(client, code, password=PASSWORD):
    return client.post("/auth/mfa/totp/disable", json={"password": password, "code": code})


def sign_in(client, user):
    return client.post(
        "/auth/token",
        data={"username": user.username, "password": PASSWORD},
        headers={"Authorization": ""},
    )


def has_mfa(client):
    return client.get("/auth/me").json()["has_mfa"]


def outcome(answer):
    return answer.status_code, answer.json()["code"]


def kinds_of_events(db, user):
    return list(db.scalars(select(SecurityEvent.kind).where(SecurityEvent.user_id == user.id)))


def subjects_to(db, user):
    return list(db.scalars(select(Mail.subject).where(Mail.recipient == user.email)))


def test_a_secret_counts_only_after_a_valid_code(client, db, user):
    """Requirement 24."""
    answer = set_up(client)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    phone = Phone(answer.json()["secret"])
    assert sign_in(client, user).status_code == 200
    assert not has_mfa(client)
    assert outcome(confirm(client, phone.wrong_code())) == (401, "invalid_code")
    assert sign_in(client, user).status_code == 200
    assert confirm(client, phone.code()).status_code == 200
    assert outcome(sign_in(client, user)) == (401, "mfa_required")
    assert has_mfa(client)


def test_the_uri_says_the_secret_the_site_and_the_account(client, user):
    answer = set_up(client).json()
    uri = urlsplit(answer["otpauth_uri"])
    assert uri.path == "/localhost:" + user.email.replace("@", "%40")
    assert parse_qs(uri.query)["secret"] == [answer["secret"]]


def test_setting_up_asks_for_the_password(client, user):
    assert outcome(set_up(client, "wrong password")) == (401, "invalid_credentials")
    assert outcome(client.post("/auth/mfa/totp", json={})) == (401, "invalid_credentials")
    assert client.post("/auth/mfa/totp", json={}, headers={"Authorization": ""}).status_code == 401


def test_without_a_password_mfa_needs_a_recent_sign_in(client, db, login):
    user = login(make_user(hashed_password=None))
    fresh = client.post("/auth/mfa/totp", json={})
    assert fresh.status_code == 200
    confirm(client, Phone(fresh.json()["secret"]).code())
    with time_machine.travel(utc_now() + timedelta(minutes=10, seconds=31), tick=False):
        code = Phone(fresh.json()["secret"]).code()
        off = client.post("/auth/mfa/totp/disable", json={"code": code})
        assert outcome(off) == (403, "session_not_fresh")
        assert second_factor.is_enabled(db, user.id)


def test_passwords_asked_for_again_cannot_be_tried_for_long(client, user):
    answers = [set_up(client, f"wrong password {n}").status_code for n in range(12)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert set_up(client).status_code == 429


def test_a_second_set_up_replaces_one_that_waits(client, user):
    first, second = (Phone(set_up(client).json()["secret"]) for _ in range(2))
    assert first.secret != second.secret
    assert outcome(confirm(client, first.code())) == (401, "invalid_code")
    assert confirm(client, second.code()).status_code == 200


def test_what_is_in_force_is_not_replaced(client, db, user):
    phone = phone_of(user)
    assert outcome(set_up(client)) == (409, "mfa_already_enabled")
    assert outcome(confirm(client, phone.code())) == (409, "mfa_already_enabled")
    assert second_factor.is_enabled(db, user.id)


def test_without_a_setup_there_is_nothing_to_confirm_or_turn_off(client, user):
    assert outcome(confirm(client, "123456")) == (409, "mfa_not_set_up")
    assert outcome(disable(client, "123456")) == (409, "mfa_not_set_up")
    set_up(client)
    assert outcome(disable(client, "123456")) == (409, "mfa_not_set_up")


def test_ten_recovery_codes_are_given_out_once(client, db, user):
    codes = confirm(client, Phone(set_up(client).json()["secret"]).code()).json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert {len(code.replace("-", "")) for code in codes} == {
        24
    }  # base32: 120 bits (ASVS 6.5.2 asks for 112)


def test_no_secret_and_no_code_is_in_the_database_in_clear(client, db, user):
    """Requirements 10 and 24."""
    secret = set_up(client).json()["secret"]
    codes = confirm(client, Phone(secret).code()).json()["recovery_codes"]
    tables = ("totps", "recovery_codes", "security_events", "mails", "jobs", "one_time_tokens")
    stored = " ".join(
        str(row)
        for table in tables
        for row in db.execute(text(f"SELECT * FROM {table}"))  # noqa: S608
    )
    assert db.scalar(select(Totp.secret).where(Totp.user_id == user.id))[:1] in stored
    for shown in (secret, *codes, *(code.replace("-", "") for code in codes)):
        assert shown not in stored


def test_turning_off_asks_for_password_and_code(client, db, user):
    """Requirement 24."""
    phone = phone_of(user)
    assert outcome(disable(client, phone.code(), "wrong password")) == (401, "invalid_credentials")
    assert outcome(disable(client, phone.wrong_code())) == (401, "invalid_code")
    assert client.post("/auth/mfa/totp/disable", json={"password": PASSWORD}).status_code == 422
    assert client.post("/auth/mfa/totp/disable", json={"code": phone.code()}).status_code == 401
    assert has_mfa(client)
    assert disable(client, phone.code()).status_code == 204
    assert not has_mfa(client)
    assert sign_in(client, user).status_code == 200
    assert not list(db.scalars(select(RecoveryCode).where(RecoveryCode.user_id == user.id)))


def test_who_lost_the_phone_turns_it_off_with_a_recovery_code(client, user):
    phone = phone_of(user)
    assert disable(client, phone.recovery_codes[0]).status_code == 204
    assert set_up(client).status_code == 200


def test_a_challenge_dies_with_the_second_factor(client, user):
    """A half-finished sign-in stays unfinished, even if a code of the next phone is
    sent.
    """
    phone = phone_of(user)
    challenge = sign_in(client, user).json()["mfa_token"]
    assert disable(client, phone.code()).status_code == 204
    other = Phone(set_up(client).json()["secret"])
    confirm(client, other.code())
    for code in (phone.code(1), phone.recovery_codes[0], other.code(1)):
        answer = client.post("/auth/token/mfa", json={"mfa_token": challenge, "code": code})
        assert outcome(answer) == (401, "invalid_code")


def test_wrong_codes_of_a_session_are_limited_for_the_account(client, user):
    """Requirement 7: a thief who has a session and the password cannot try codes until
    one matches.
    """
    phone = phone_of(user)
    answers = [disable(client, phone.wrong_code()).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert disable(client, phone.code()).status_code == 429
    assert (
        disable(client, phone.recovery_codes[0]).status_code == 204
    )  # the owner can still use a recovery code, which nobody can guess


def test_the_code_that_confirms_opens_no_session(client, db, user):
    """Requirement 7: a code is accepted once, wherever it is sent."""
    phone = Phone(set_up(client).json()["secret"])
    code = phone.code()
    confirm(client, code)
    challenge = sign_in(client, user).json()["mfa_token"]
    assert outcome(client.post("/auth/token/mfa", json={"mfa_token": challenge, "code": code})) == (
        401,
        "invalid_code",
    )
    assert (
        client.post(
            "/auth/token/mfa", json={"mfa_token": challenge, "code": phone.code(1)}
        ).status_code
        == 200
    )


def test_the_owner_is_told_of_every_change(client, db, user):
    phone = Phone(set_up(client).json()["secret"])
    codes = confirm(client, phone.code()).json()["recovery_codes"]
    disable(client, codes[0])
    assert kinds_of_events(db, user) == [
        "login",
        "mfa_enabled",
        "recovery_code_used",
        "mfa_disabled",
    ]
    assert subjects_to(db, user) == [
        "Two-step sign-in is on",
        "One of your recovery codes was used",
        "Two-step sign-in is off",
    ]


def test_another_users_factor_is_out_of_reach(client, db, user, login):
    phone = phone_of(user)
    login(make_user())
    assert outcome(disable(client, phone.code())) == (409, "mfa_not_set_up")
    assert second_factor.is_enabled(db, user.id)
    own = Phone(set_up(client).json()["secret"])
    assert outcome(confirm(client, phone.code(1))) == (401, "invalid_code")
    assert confirm(client, own.code()).status_code == 200


def test_removing_all_of_it_is_one_call(db, user):
    """The call is needed when an account is deleted, or when its owner takes it over
    from a squatter (requirement 28).
    """
    phone_of(user)
    second_factor.remove_second_factor(db, user.id)
    for table in (Totp, RecoveryCode):
        assert db.scalar(select(table).where(table.user_id == user.id)) is None
    assert db.scalar(select(LoginSession).where(LoginSession.user_id == user.id))
