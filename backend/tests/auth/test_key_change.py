"""`SECRET_KEY` is changed while the application is in use.

Data that was signed or encrypted with the previous key can still be read, and is then
stored with the new key.
"""

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import cli
from app.core.keys import BadSignature, cipher, is_current, sign_payload, unsign_payload
from app.db.database import SessionLocal
from app.routers.auth.mfa import key_rotation
from app.routers.auth.models import Totp
from tests.auth.factories import make_user
from tests.auth.phones import phone_of
from tests.auth.steps import bearer, outcome, refresh, sign_in
from tests.support.mails import mails_to

OLD, NEW = (
    "a secret that only tests know: 9f8e7d6c5b4a",
    "another secret that only tests know: 1a2b3c4d",
)
PROFILE = "/auth/me"


@pytest.fixture
def change(settings):
    """`change(OLD)` changes the key and keeps the previous one.

    `change(None)` forgets the previous key.
    """
    return lambda previous: settings(SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=previous or "")


def test_users_stay_signed_in_and_get_tokens_of_the_new_key(client, db, change):
    token = sign_in(client, make_user()).json()
    change(OLD)
    assert client.get(PROFILE, headers=bearer(token)).status_code == 200
    newer = refresh(client, token).json()
    change(None)
    assert client.get(PROFILE, headers=bearer(token)).status_code == 401
    assert client.get(PROFILE, headers=bearer(newer)).status_code == 200
    assert refresh(client, newer).status_code == 200


def test_without_the_key_before_everybody_signs_in_again(client, db, change):
    token = sign_in(client, make_user()).json()
    change(None)
    assert client.get(PROFILE, headers=bearer(token)).status_code == 401
    assert outcome(refresh(client, token)) == (401, "invalid_refresh_token")


def test_a_token_of_neither_key_is_refused(client, db, settings, change):
    settings(SECRET_KEY="a third secret that nobody knows: 5e6f7a8b")
    token = sign_in(client, make_user()).json()
    change(OLD)
    assert client.get(PROFILE, headers=bearer(token)).status_code == 401


def test_signing_and_encryption_use_the_new_key(change):
    signed, hidden = sign_payload("tests", b"x"), cipher("tests").encrypt(b"y")
    change(OLD)
    assert unsign_payload("tests", signed) == b"x"
    assert cipher("tests").decrypt(hidden) == b"y"
    newer = sign_payload("tests", b"x")
    change(None)
    assert unsign_payload("tests", newer) == b"x"
    with pytest.raises(BadSignature):
        unsign_payload("tests", signed)


def test_a_mail_that_waits_is_still_sent(client, db, change):
    user = make_user(is_verified=False)
    client.post("/auth/verify-email/resend", json={"email": user.email})
    from app.platform.jobs import job_runs

    while job_runs.run_next():
        pass
    change(OLD)
    assert "verify-email?token=" in mails_to(user.email)[-1].text


def test_a_request_repeated_after_the_change_has_no_effect(client, db, change):
    headers = {"Idempotency-Key": "one"}
    body = {
        "username": "ada",
        "email": "ada@example.org",
        "password": "correct horse battery staple",
    }
    first = client.post("/auth/register", json=body, headers=headers)
    change(OLD)
    again = client.post("/auth/register", json=body, headers=headers)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/auth/register", json=body | {"username": "eve"}, headers=headers)
    assert outcome(other) == (422, "idempotency_key_reused")


def secret_of(user):
    with SessionLocal() as db:
        return db.scalars(select(Totp.secret).where(Totp.user_id == user.id)).one()


def answer(client, user, phone):
    challenge = sign_in(client, user).json()["mfa_token"]
    return client.post("/auth/token/mfa", json={"mfa_token": challenge, "code": phone.code()})


def test_a_second_factor_is_encrypted_anew_when_it_is_used(client, db, change):
    user = make_user()
    phone = phone_of(user)
    change(OLD)
    assert answer(client, user, phone).status_code == 200
    assert is_current(key_rotation.PURPOSE, secret_of(user))


def test_a_command_encrypts_all_second_factors_anew(client, db, change, monkeypatch):
    monkeypatch.setattr(key_rotation, "BATCH", 2)
    users = [make_user() for _ in range(5)]
    phones = [phone_of(user) for user in users]
    change(OLD)
    for renewed in (5, 0):
        done = CliRunner().invoke(cli, ["rekey"])
        assert (done.exit_code, done.output) == (
            0,
            f"Secrets encrypted with the new key: {renewed}\n",
        )
    change(None)
    assert answer(client, users[0], phones[0]).status_code == 200


def test_a_secret_that_neither_key_reads_is_told(db, change):
    phone_of(make_user())
    change(None)
    done = CliRunner().invoke(cli, ["rekey"])
    assert done.exit_code == 1
    assert "Secrets that neither key can decrypt: 1." in done.output
