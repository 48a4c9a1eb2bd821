"""Passwords that are forgotten, reset and changed."""

import pytest
from sqlalchemy import select

from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import LoginSession, OneTimeToken
from app.routers.auth.sign_in import with_password
from tests.auth.factories import make_user
from tests.auth.letters import letters_to
from tests.auth.phones import phone_of
from tests.auth.resets import forgot, link_for, reset
from tests.auth.steps import (
    NEW_PASSWORD,
    lives,
    outcome,
    refresh,
    row_of,
    sign_in,
)

HOUR = 3600

pytestmark = pytest.mark.usefixtures(
    "clock"
)  # counting windows begin at round times, and the real time may be just before a round time


def test_the_link_sets_a_new_password(client, db):
    user = make_user()
    assert reset(client, link_for(client, user)).status_code == 204
    assert sign_in(client, user).status_code == 401
    assert sign_in(client, user, NEW_PASSWORD).status_code == 200


def test_the_link_works_once(client, db):
    """Requirement 11."""
    token = link_for(client, make_user())
    assert reset(client, token).status_code == 204
    assert outcome(reset(client, token)) == (400, "invalid_token")


def test_known_and_unknown_addresses_get_the_same_response(client, db):
    """Requirement 4."""
    user, disabled = make_user(), make_user(is_active=False)
    before = row_of(user)
    answers = [
        forgot(client, address) for address in (user.email, disabled.email, "nobody@example.org")
    ]
    assert {(a.status_code, a.content, tuple(sorted(set(a.headers)))) for a in answers} == {
        (202, answers[0].content, tuple(sorted(set(answers[0].headers))))
    }
    assert row_of(user) == before
    assert [
        len(letters_to(address)) for address in (user.email, disabled.email, "nobody@example.org")
    ] == [1, 0, 0]


def test_known_and_unknown_addresses_take_the_same_statements(client, db, statements):
    """Requirement 4: the response time reveals nothing, because a later job looks for
    the account.
    """
    user, sent = make_user(), []
    for address in (user.email, "nobody@example.org"):
        statements.clear()
        forgot(client, address)
        sent.append(list(statements))
    assert sent[0] == sent[1]
    assert not any("FROM users" in statement for statement in sent[0])


def test_a_reset_ends_all_sessions_before_it_answers(client, db):
    """Requirement 20."""
    user = make_user()
    one, two = sign_in(client, user).json(), sign_in(client, user).json()
    assert reset(client, link_for(client, user)).status_code == 204
    for token in (one, two):
        assert not lives(client, token)
        assert outcome(refresh(client, token)) == (401, "invalid_refresh_token")


def test_a_reset_kills_every_other_link_and_challenge(client, db):
    """Requirement 12."""
    user = make_user()
    issued = {purpose: one_time_tokens.issue(db, purpose, user_id=user.id) for purpose in Purpose}
    other = make_user()
    one_time_tokens.issue(db, Purpose.VERIFY_EMAIL, user_id=other.id)
    db.commit()
    assert reset(client, issued[Purpose.RESET_PASSWORD]).status_code == 204
    db.expire_all()
    assert db.scalars(select(OneTimeToken.user_id)).all() == [other.id]


def test_a_reset_never_removes_the_second_factor(client, db):
    """Requirement 24."""
    user = make_user()
    phone_of(user)
    assert reset(client, link_for(client, user)).status_code == 204
    assert second_factor.is_enabled(db, user.id)
    assert outcome(sign_in(client, user, NEW_PASSWORD)) == (401, "mfa_required")


def test_a_reset_verifies_the_address_that_the_link_came_to(client, db):
    user = make_user(is_verified=False)
    assert reset(client, link_for(client, user)).status_code == 204
    assert sign_in(client, user, NEW_PASSWORD).status_code == 200


def test_a_link_expires_after_an_hour_and_a_newer_one_kills_it(client, db, clock):
    """Requirement 12."""
    user = make_user()
    old, new = link_for(client, user), link_for(client, user)
    assert outcome(reset(client, old)) == (400, "invalid_token")
    clock.shift(HOUR + 1)
    assert outcome(reset(client, new)) == (400, "invalid_token")
    assert sign_in(client, user).status_code == 200


def test_a_weak_password_is_refused_and_the_link_still_works(client, db):
    user = make_user()
    token = link_for(client, user)
    for weak in ("tiny-secret", "password1234", "a" * 20):
        answer = reset(client, token, weak)
        assert outcome(answer) == (422, "weak_password")
        assert answer.json()["errors"][0]["loc"] == ["body", "new_password"]
        assert weak not in answer.text
    assert sign_in(client, user).status_code == 200
    assert reset(client, token).status_code == 204


def test_a_disabled_account_is_not_opened_by_a_link_of_before(client, db):
    """Requirement 21."""
    user = make_user()
    token = link_for(client, user)
    db.merge(user).is_active = False
    db.commit()
    assert outcome(reset(client, token)) == (400, "invalid_token")


@pytest.mark.parametrize(
    "purpose", [purpose for purpose in Purpose if purpose != Purpose.RESET_PASSWORD]
)
def test_a_token_of_another_kind_is_refused(client, db, purpose):
    """Requirement 13."""
    token = one_time_tokens.issue(
        db, purpose, user_id=make_user().id, data={"email": "new@example.org"}
    )
    db.commit()
    assert outcome(reset(client, token)) == (400, "invalid_token")


@pytest.mark.parametrize(
    ("path", "purpose"),
    [
        ("/auth/verify-email", Purpose.VERIFY_EMAIL),
        ("/auth/email-change/confirm", Purpose.CHANGE_EMAIL),
    ],
)
def test_no_token_of_another_kind_passes_at_the_other_links(client, db, path, purpose):
    """Requirement 13: the test tries tokens of other links, access tokens and refresh
    tokens.
    """
    user = make_user()
    given = sign_in(client, user).json()
    strange = [
        one_time_tokens.issue(db, kind, user_id=user.id, data={"email": "n@example.org"})
        for kind in Purpose
        if kind != purpose
    ]
    db.commit()
    for token in (*strange, given["refresh_token"], "", "\u00e9" * 40, "x" * 200):
        assert client.post(path, json={"token": token}).status_code in (400, 422), token
    for token in strange:
        assert refresh(client, {"refresh_token": token}).status_code == 401
        assert (
            client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        )
    assert refresh(client, {"refresh_token": given["access_token"]}).status_code == 401
    assert (
        client.get(
            "/auth/me", headers={"Authorization": f"Bearer {given['refresh_token']}"}
        ).status_code
        == 401
    )


def test_a_sign_in_that_a_reset_overtakes_opens_no_session(client, db, monkeypatch):
    """Requirement 20: while the old password was being hashed, the reset ended all
    sessions.
    """
    from app.routers.auth.security import verify_password
    from tests.auth.factories import hashed

    user = make_user()

    def overtaken(password, known):
        verdict = verify_password(password, known)
        db.merge(user).hashed_password = hashed(NEW_PASSWORD)
        db.commit()
        return verdict

    monkeypatch.setattr(with_password, "verify_password", overtaken)
    assert outcome(sign_in(client, user)) == (401, "invalid_credentials")
    assert db.scalars(select(LoginSession)).all() == []
