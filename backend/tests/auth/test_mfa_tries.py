"""A code of a second factor counts once, and wrong codes are counted (requirement
7).
"""

from datetime import timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.types import utc_now
from app.platform.models import Mail
from app.routers.auth.models import SecurityEvent
from tests.auth.challenges import REFUSED, challenge, guess, outcome, send, sessions_of
from tests.auth.factories import make_user
from tests.auth.phones import phone_of

pytestmark = pytest.mark.usefixtures("still")


def test_a_code_is_accepted_once(client, db, user, phone):
    """Requirement 7: after a code was accepted, no challenge accepts this code or an
    earlier code.
    """
    older, code = phone.code(-1), phone.code()
    assert send(client, challenge(client, user), code).status_code == 200
    assert outcome(send(client, challenge(client, user), code)) == REFUSED
    assert outcome(send(client, challenge(client, user), older)) == REFUSED
    assert sessions_of(db, user) == 1
    assert send(client, challenge(client, user), phone.code(1)).status_code == 200


def test_a_challenge_is_answered_once(client, db, user, phone):
    mfa_token = challenge(client, user)
    assert send(client, mfa_token, phone.code()).status_code == 200
    assert outcome(send(client, mfa_token, phone.code(1))) == REFUSED
    assert outcome(send(client, mfa_token, phone.recovery_codes[0])) == REFUSED
    assert sessions_of(db, user) == 1


def test_five_wrong_codes_end_a_challenge(client, db, user, phone):
    """Requirement 7: the server keeps the count, even though it responds with 401."""
    mfa_token = challenge(client, user)
    for _ in range(4):
        assert outcome(send(client, mfa_token, phone.wrong_code())) == REFUSED
    assert outcome(send(client, mfa_token, "AAAA-BBBB-CCCC-DDDD-EEEE-FFFF")) == REFUSED
    for code in (phone.code(), phone.recovery_codes[0]):
        assert outcome(send(client, mfa_token, code)) == REFUSED
    assert sessions_of(db, user) == 0
    assert send(client, challenge(client, user), phone.code()).status_code == 200


def test_the_fifth_try_may_be_right(client, user, phone):
    mfa_token = challenge(client, user)
    for _ in range(4):
        send(client, mfa_token, phone.wrong_code())
    assert send(client, mfa_token, phone.code()).status_code == 200


def test_new_challenges_bring_no_end_of_tries(client, user, phone):
    """Requirement 7: an account allows ten wrong codes an hour, however often its
    password is sent.
    """
    answers = [answer for _ in range(3) for answer in guess(client, user, phone)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 5
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert send(client, challenge(client, user), phone.code()).status_code == 429


def test_a_recovery_code_signs_the_owner_in_during_an_attack(client, user, phone):
    """Requirement 5: no account is ever locked for good. 120 bits cannot be guessed, so
    these codes need no limit.
    """
    for _ in range(3):
        guess(client, user, phone)
    assert send(client, challenge(client, user), phone.recovery_codes[0]).status_code == 200


def test_after_an_hour_codes_count_again(client, user, phone):
    for _ in range(2):
        guess(client, user, phone)
    assert send(client, challenge(client, user), phone.code()).status_code == 429
    with time_machine.travel(utc_now() + timedelta(hours=2), tick=False):
        assert send(client, challenge(client, user), phone.code()).status_code == 200


def test_one_address_cannot_try_codes_of_many_accounts(client, user, phone):
    for _ in range(30):
        assert send(client, "no such challenge", "123456").status_code == 401
    assert send(client, challenge(client, user), phone.code()).status_code == 429


def test_limits_hold_when_redis_is_down(client, user, phone, monkeypatch):
    """R9: without Redis, the process counts on its own."""
    from app.platform import limits

    down = limits.Counters("redis://127.0.0.1:1/0")
    monkeypatch.setattr(limits, "limit_counters", lambda: down)
    guess(client, user, phone)
    assert [answer.status_code for answer in guess(client, user, phone, 6)] == [401] * 5 + [429]


def test_a_challenge_rejects_another_accounts_code(client, user, phone):
    other = make_user()
    theirs = phone_of(other)
    mfa_token = challenge(client, other)
    assert outcome(send(client, mfa_token, phone.code())) == REFUSED
    assert outcome(send(client, mfa_token, phone.recovery_codes[0])) == REFUSED
    assert send(client, mfa_token, theirs.code()).status_code == 200


def test_a_wrong_code_is_recorded_and_reported_to_the_owner(client, db, user, phone):
    """Requirement 56, ASVS 6.3.5."""
    guess(client, user, phone, 6)
    events = db.scalars(
        select(SecurityEvent).where(
            SecurityEvent.user_id == user.id, SecurityEvent.kind == "mfa_failed"
        )
    )
    assert len(list(events)) == 5
    assert list(db.scalars(select(Mail.subject).where(Mail.recipient == user.email))) == [
        "Someone has your password"
    ]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(code=st.text(min_size=1, max_size=70), mfa_token=st.none() | st.text(max_size=110))
def test_no_code_and_no_token_is_ever_a_500(client, user, phone, code, mfa_token):
    from app.platform import limits

    limits.made_counters.cache_clear()
    answer = send(client, challenge(client, user) if mfa_token is None else mfa_token, code)
    assert answer.status_code in (401, 422), answer.text
