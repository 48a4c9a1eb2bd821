"""Only an owner who knows the password, or has just signed in, can change the
password.
"""

import pytest

from tests.auth.factories import PASSWORD, make_user, token_for
from tests.auth.letters import letters_to
from tests.auth.resets import link_for, reset
from tests.auth.steps import (
    NEW_PASSWORD,
    bearer,
    events_of,
    lives,
    outcome,
    refresh,
    sign_in,
)

pytestmark = pytest.mark.usefixtures(
    "clock"
)  # counting windows begin at round times, and the real time may be just before a round time


def change(client, token, **body):
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD} | body
    return client.post("/auth/password/change", json=body, headers=bearer(token))


def test_a_change_asks_for_the_current_password(client, db):
    """Requirement 20."""
    user = make_user()
    token = sign_in(client, user).json()
    for wrong in (NEW_PASSWORD, None):
        assert outcome(change(client, token, current_password=wrong)) == (
            401,
            "invalid_credentials",
        )
    assert sign_in(client, user).status_code == 200
    assert change(client, token).status_code == 204
    assert sign_in(client, user, NEW_PASSWORD).status_code == 200


def test_a_change_ends_the_other_sessions_and_kills_links(client, db):
    """Requirements 12 and 20."""
    user = make_user()
    link = link_for(client, user)
    other, mine = sign_in(client, user).json(), sign_in(client, user).json()
    assert change(client, mine).status_code == 204
    assert lives(client, mine)
    assert not lives(client, other)
    assert refresh(client, other).status_code == 401
    assert outcome(reset(client, link)) == (400, "invalid_token")


def test_a_weak_new_password_is_refused(client, db):
    token = sign_in(client, make_user()).json()
    assert outcome(change(client, token, new_password="password1234")) == (422, "weak_password")


def test_the_owner_is_told_of_every_new_password(client, db):
    user = make_user()
    reset(client, link_for(client, user))
    change(
        client,
        sign_in(client, user, NEW_PASSWORD).json(),
        current_password=NEW_PASSWORD,
        new_password=PASSWORD,
    )
    notices = [
        mail for mail in letters_to(user.email) if mail.subject == "Your password was changed"
    ]
    assert len(notices) == 2
    assert [len(events_of(db, kind, user)) for kind in ("password_reset", "password_changed")] == [
        1,
        1,
    ]


def test_a_stolen_session_has_ten_tries_at_the_password(client, db):
    """Requirement 5. The owner's other sessions are not affected."""
    user = make_user()
    stolen, own = sign_in(client, user).json(), sign_in(client, user).json()
    codes = [change(client, stolen, current_password=f"wrong {n}").status_code for n in range(11)]
    assert codes == [401] * 10 + [429]
    assert change(client, stolen).status_code == 429
    assert change(client, own).status_code == 204


def test_a_first_password_needs_a_recent_sign_in(client, db):
    user = make_user(hashed_password=None)
    headers = {"Authorization": f"Bearer {token_for(user)}"}
    answer = client.post(
        "/auth/password/change", json={"new_password": NEW_PASSWORD}, headers=headers
    )
    assert answer.status_code == 204
    assert sign_in(client, user, NEW_PASSWORD).status_code == 200


def test_later_than_ten_minutes_it_has_to_sign_in_again(client, db, clock):
    user = make_user(hashed_password=None)
    headers = {"Authorization": f"Bearer {token_for(user)}"}
    clock.shift(10 * 60 + 1)
    answer = client.post(
        "/auth/password/change", json={"new_password": NEW_PASSWORD}, headers=headers
    )
    assert outcome(answer) == (403, "session_not_fresh")


def test_a_change_that_a_reset_overtakes_changes_nothing(client, db, monkeypatch):
    """Requirement 20: a thief who has a session and the password must not undo the
    reset.
    """
    from app.routers.auth.security import verify_password
    from app.routers.auth.sessions import reauthentication
    from tests.auth.factories import hashed

    user = make_user()
    token = sign_in(client, user).json()

    def overtaken(password, known):
        verdict = verify_password(password, known)
        db.merge(user).hashed_password = hashed(NEW_PASSWORD)
        db.commit()
        return verdict

    monkeypatch.setattr(reauthentication, "verify_password", overtaken)
    body = {"current_password": PASSWORD, "new_password": "what the thief would like"}
    assert client.post("/auth/password/change", json=body, headers=bearer(token)).status_code == 401
    monkeypatch.undo()
    assert sign_in(client, user, "what the thief would like").status_code == 401
    assert sign_in(client, user, NEW_PASSWORD).status_code == 200
