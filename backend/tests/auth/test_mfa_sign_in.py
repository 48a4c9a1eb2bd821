"""Signing in with a second factor: a password opens a challenge, and a code completes
it.
"""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from app.core.keys import cipher
from app.core.types import utc_now
from app.platform.models import Mail
from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import RecoveryCode, SecurityEvent, Totp, User
from tests.auth.challenges import REFUSED, challenge, outcome, send, sessions_of, sign_in
from tests.auth.factories import PASSWORD, make_user

pytestmark = pytest.mark.usefixtures("still")


def test_only_a_right_password_opens_a_challenge(client, db, user, phone):
    """Requirement 2: a wrong password does not even reveal that there is a second
    factor.
    """
    wrong = sign_in(client, user, "wrong password").json()
    assert wrong["code"] == "invalid_credentials"
    assert wrong.keys() == sign_in(client, make_user(), "wrong password").json().keys()
    right = sign_in(client, user)
    assert outcome(right) == (401, "mfa_required")
    assert right.headers["WWW-Authenticate"] == "Bearer"
    assert right.headers["Cache-Control"] == "no-store"
    assert len(right.json()["mfa_token"]) == 43
    assert sessions_of(db, user) == 0


def test_openapi_says_where_the_challenge_stands(app):
    """A client that is generated from OpenAPI finds `mfa_token`."""
    answer = app.openapi()["paths"]["/auth/token"]["post"]["responses"]["401"]
    problem = answer["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]
    assert problem["code"]["enum"] == ["invalid_credentials", "mfa_required"]
    assert problem["mfa_token"]["type"] == "string"


def test_a_code_of_the_app_opens_a_session(client, user, phone):
    answer = send(client, challenge(client, user), phone.code())
    assert answer.status_code == 200
    me = client.get(
        "/auth/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"}
    ).json()
    assert (me["id"], me["has_mfa"]) == (user.id, True)
    assert (
        client.post(
            "/auth/refresh", json={"refresh_token": answer.json()["refresh_token"]}
        ).status_code
        == 200
    )


def test_in_cookie_mode_the_cookie_is_set_only_after_the_code(client, user, phone):
    """Requirement 25."""
    first = client.post(
        "/auth/token?session=cookie", data={"username": user.email, "password": PASSWORD}
    )
    assert "set-cookie" not in first.headers
    answer = send(client, first.json()["mfa_token"], phone.code(), session="cookie")
    assert answer.json()["refresh_token"] is None
    assert "HttpOnly" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-45, 401), (-30, 200), (0, 200), (30, 200), (65, 401)]
)
def test_a_phone_may_be_one_step_off(client, user, phone, seconds, expected):
    code = phone.code()
    mfa_token = challenge(client, user)
    with time_machine.travel(utc_now() + timedelta(seconds=seconds), tick=False):
        assert send(client, mfa_token, code).status_code == expected


def test_a_code_may_be_typed_with_blanks(client, user, phone):
    code = phone.code()
    assert send(client, challenge(client, user), f" {code[:3]} {code[3:]}").status_code == 200


def test_a_challenge_lives_five_minutes(client, user, phone):
    """Requirement 12."""
    mfa_token = challenge(client, user)
    with time_machine.travel(utc_now() + timedelta(minutes=5), tick=False):
        assert outcome(send(client, mfa_token, phone.code())) == REFUSED
    with time_machine.travel(utc_now() + timedelta(minutes=4, seconds=59), tick=False):
        assert send(client, mfa_token, phone.code()).status_code == 200


def test_a_new_challenge_ends_the_older(client, user, phone):
    """Requirement 12."""
    older, newer = challenge(client, user), challenge(client, user)
    assert outcome(send(client, older, phone.code())) == REFUSED
    assert send(client, newer, phone.code()).status_code == 200


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose != Purpose.MFA])
def test_a_token_of_another_kind_is_no_challenge(client, db, user, phone, purpose):
    """Requirement 13."""
    token = one_time_tokens.issue(db, purpose, user_id=user.id)
    db.commit()
    assert outcome(send(client, token, phone.code())) == REFUSED


def test_challenges_and_tokens_cannot_stand_in_for_each_other(client, db, user, phone):
    """Requirement 13."""
    session = send(client, challenge(client, user), phone.code()).json()
    for token in (session["access_token"][:100], session["refresh_token"]):
        assert outcome(send(client, token, phone.code(1))) == REFUSED
    mfa_token = challenge(client, user)
    assert (
        client.get("/auth/me", headers={"Authorization": f"Bearer {mfa_token}"}).status_code == 401
    )
    assert client.post("/auth/refresh", json={"refresh_token": mfa_token}).status_code == 401


def test_a_recovery_code_works_once_and_the_owner_is_told(client, db, user, phone):
    """Requirement 24."""
    code = phone.recovery_codes[0]
    assert send(client, challenge(client, user), code.lower().replace("-", " ")).status_code == 200
    assert outcome(send(client, challenge(client, user), code)) == REFUSED
    assert send(client, challenge(client, user), phone.recovery_codes[1]).status_code == 200
    used = (
        select(SecurityEvent.facts)
        .where(SecurityEvent.kind == "recovery_code_used")
        .order_by(SecurityEvent.id)
    )
    assert list(db.scalars(used)) == ['{"left": 2}', '{"left": 1}']
    assert (
        list(db.scalars(select(Mail.subject).where(Mail.recipient == user.email)))
        == ["One of your recovery codes was used"] * 2
    )


def test_recovery_codes_are_hashed(db, user, phone):
    """Requirement 24."""
    assert {len(digest) for digest in db.scalars(select(RecoveryCode.digest))} == {64}


def test_a_disabled_account_gets_no_further(client, db, user, phone):
    """Requirement 21."""
    mfa_token = challenge(client, user)
    db.execute(update(User).where(User.id == user.id).values(is_active=False))
    db.commit()
    assert outcome(send(client, mfa_token, phone.code())) == REFUSED
    assert outcome(sign_in(client, user)) == (403, "account_disabled")


def test_a_changed_secret_key_leaves_recovery_codes(client, db, user, phone):
    """The codes of the authenticator app are refused without a 500. Recovery codes
    still work.

    `docs/operating.md` promises this.
    """
    other = cipher("another key").encrypt(phone.secret.encode()).decode()
    db.execute(update(Totp).where(Totp.user_id == user.id).values(secret=other))
    db.commit()
    mfa_token = challenge(client, user)
    assert outcome(send(client, mfa_token, phone.code())) == REFUSED
    assert send(client, mfa_token, phone.recovery_codes[0]).status_code == 200


def test_a_google_sign_in_meets_the_same_challenge(db, user, phone):
    """Only `challenge_or_session` decides whether a sign-in needs a challenge."""
    from app.routers.auth.credentials.client import Client

    with pytest.raises(second_factor.MfaRequired) as refused:
        second_factor.challenge_or_session(db, user, Client("192.0.2.1", "tests"))
    assert (
        one_time_tokens.find_live_token(db, Purpose.MFA, refused.value.members["mfa_token"]).user_id
        == user.id
    )
    assert second_factor.challenge_or_session(
        db, make_user(), Client("192.0.2.1", "tests")
    ).access_token


def test_a_password_reset_keeps_mfa_on_and_ends_challenges(client, db, user, phone):
    """Requirements 12 and 24."""
    mfa_token = challenge(client, user)
    link = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    db.commit()
    answer = client.post(
        "/auth/password/reset", json={"token": link, "new_password": "another long pass phrase"}
    )
    assert answer.status_code == 204
    assert outcome(send(client, mfa_token, phone.code())) == REFUSED
    again = sign_in(client, user, "another long pass phrase")
    assert outcome(again) == (401, "mfa_required")
    assert send(client, again.json()["mfa_token"], phone.code()).status_code == 200


def test_nothing_of_it_is_logged(client, user, phone, caplog):
    """Requirement 55."""
    mfa_token, wrong, code = challenge(client, user), phone.wrong_code(), phone.code()
    for one in (wrong, code):
        send(client, mfa_token, one)
    assert caplog.records
    for secret in (mfa_token, wrong, code, phone.secret):
        assert secret not in caplog.text
