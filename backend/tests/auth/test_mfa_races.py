"""A code is accepted once, even if twenty requests send it at the same moment.

    request 1      read the last accepted step, write the new one, commit
    request 2      read ........................ write (waits) → no row, 401
    request 3 …    the same

Commits are real.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import LoginSession, OneTimeToken, RecoveryCode, SecurityEvent, Totp
from tests.auth.challenges import challenge
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.auth.phones import Phone, phone_of

MANY = 20

pytestmark = pytest.mark.usefixtures("still")


def at_once(send):
    """Call `send(0)`, `send(1)` and so on at the same time, and return the
    responses.
    """
    with ThreadPoolExecutor(MANY) as threads:
        return list(threads.map(send, range(MANY)))


def sessions(committed):
    with committed() as db:
        return db.scalar(select(func.count()).select_from(LoginSession))


def challenges(committed, user):
    """Store twenty valid challenges.

    Signing in could not make twenty valid challenges, because each sign-in ends the
    user's previous challenge.
    """
    with committed() as db, db.begin():
        plain = [one_time_tokens.issue(db, Purpose.MFA) for _ in range(MANY)]
        db.execute(update(OneTimeToken).values(user_id=user.id))
    return plain


def test_twenty_sends_of_one_code_open_one_session(client, committed):
    """Requirement 7."""
    user = make_user()
    phone = phone_of(user)
    mfa_token, code = challenge(client, user), phone.code()
    answers = at_once(
        lambda _: client.post("/auth/token/mfa", json={"mfa_token": mfa_token, "code": code})
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * (MANY - 1)
    assert sessions(committed) == 1


def test_a_code_sent_to_twenty_challenges_opens_one_session(client, committed):
    """Requirement 7: only the record of the last accepted step prevents a second
    session here.
    """
    user = make_user()
    code, plain = phone_of(user).code(), challenges(committed, user)
    answers = at_once(
        lambda n: client.post("/auth/token/mfa", json={"mfa_token": plain[n], "code": code})
    )
    assert [answer.status_code for answer in answers].count(200) == 1
    assert sessions(committed) == 1


def test_a_recovery_code_in_twenty_challenges_opens_one_session(client, committed):
    """Requirement 24."""
    user = make_user()
    code, plain = phone_of(user).recovery_codes[0], challenges(committed, user)
    answers = at_once(
        lambda n: client.post("/auth/token/mfa", json={"mfa_token": plain[n], "code": code})
    )
    assert [answer.status_code for answer in answers].count(200) == 1
    assert sessions(committed) == 1


def test_twenty_wrong_codes_at_once_are_five_tries(client, committed):
    """Requirement 7: recovery codes are used here, because they have no limit of their
    own.
    """
    user = make_user()
    code = phone_of(user).recovery_codes[0]
    mfa_token = challenge(client, user)
    guesses = [f"WRON-GWRO-NGWR-ONGW-{n:04d}" for n in range(MANY)]
    answers = at_once(
        lambda n: client.post("/auth/token/mfa", json={"mfa_token": mfa_token, "code": guesses[n]})
    )
    assert {answer.status_code for answer in answers} == {401}
    with committed() as db:
        looked_at = (
            select(func.count())
            .select_from(SecurityEvent)
            .where(SecurityEvent.kind == "mfa_failed")
        )
        assert db.scalar(looked_at) == db.scalar(select(OneTimeToken.attempts)) == 5
    assert (
        client.post("/auth/token/mfa", json={"mfa_token": mfa_token, "code": code}).status_code
        == 401
    )


def test_one_of_twenty_confirmations_gives_out_codes(client, committed):
    user = make_user()
    client.headers["Authorization"] = f"Bearer {token_for(user)}"
    phone = Phone(client.post("/auth/mfa/totp", json={"password": PASSWORD}).json()["secret"])
    code = phone.code()
    answers = at_once(lambda _: client.post("/auth/mfa/totp/confirm", json={"code": code}))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (MANY - 1)
    with committed() as db:
        assert db.scalar(select(func.count()).select_from(RecoveryCode)) == 10


def test_set_ups_at_once_leave_one_secret(client, committed):
    user = make_user()
    client.headers["Authorization"] = f"Bearer {token_for(user)}"
    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(
                lambda _: client.post("/auth/mfa/totp", json={"password": PASSWORD}), range(4)
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    with committed() as db:
        assert db.scalar(select(func.count()).select_from(Totp)) == 1


def test_a_code_cannot_open_a_session_and_turn_the_factor_off(client, committed):
    """Requirement 7: two requests use one code at the same time."""
    user = make_user()
    code, bearer = phone_of(user).code(), {"Authorization": f"Bearer {token_for(user)}"}
    mfa_token = challenge(client, user)

    def use(n):
        if n % 2:
            return client.post(
                "/auth/token/mfa",
                json={"mfa_token": mfa_token, "code": code},
                headers={"Authorization": ""},
            )
        return client.post(
            "/auth/mfa/totp/disable", json={"password": PASSWORD, "code": code}, headers=bearer
        )

    with ThreadPoolExecutor(2) as threads:
        answers = [answer.status_code for answer in threads.map(use, range(2))]
    assert len([status for status in answers if status < 300]) == 1, answers
