"""Hosts whose clocks differ by up to five minutes agree on who may sign in (R13)."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.db import clock
from app.db.database import SessionLocal
from app.routers.auth.credentials import one_time_tokens, pending
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import LoginSession, OneTimeToken, User, UsernameHold
from app.routers.auth.sessions import login_sessions
from tests.auth.challenges import challenge, send
from tests.auth.factories import make_user
from tests.auth.phones import phone_of
from tests.auth.steps import NEW_PASSWORD, bearer, events_of, lives, refresh, sign_in
from tests.support.clocks import host_ahead

MINUTE = timedelta(minutes=1)
DIFFERENCES = [-300, -90, -15, 15, 90, 300]
seconds_ahead = pytest.mark.parametrize("seconds", DIFFERENCES)
ends = pytest.mark.parametrize(
    ("left", "minutes", "expected"), [(3 * MINUTE, 5, True), (-3 * MINUTE, -5, False)]
)


@seconds_ahead
def test_a_second_tab_on_another_host_is_no_theft(client, db, seconds):
    """This host refreshes the first tab.

    A host with another clock refreshes the second tab within the grace of 10 s.
    """
    user = make_user()
    first = sign_in(client, user).json()
    one = refresh(client, first).json()
    with host_ahead(seconds=seconds):
        two = refresh(client, first)
        assert two.status_code == 200
        assert two.json()["refresh_token"] == one["refresh_token"]
    assert events_of(db, "refresh_reuse", user) == []


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_theft_is_one_on_every_host(client, db, minutes):
    """If a used token comes after the grace, the session ends, even if the host's clock
    says that the grace is not over.
    """
    user = make_user()
    first = sign_in(client, user).json()
    refresh(client, first)
    db.execute(update(LoginSession).values(refreshed_at=clock.now(timedelta(seconds=-11))))
    with host_ahead(minutes=minutes):
        assert refresh(client, first).status_code == 401
    assert len(events_of(db, "refresh_reuse", user)) == 1


@pytest.mark.parametrize(("issuer", "reader"), [(-5, 5), (5, -5), (0, 5), (0, -5), (5, 0), (-5, 0)])
def test_a_token_of_one_host_passes_on_another(client, db, issuer, reader):
    with host_ahead(minutes=issuer):
        token = sign_in(client, make_user()).json()
    with host_ahead(minutes=reader):
        assert lives(client, token)
        assert lives(client, refresh(client, token).json())


@ends
def test_a_session_ends_at_once_on_every_host(client, db, left, minutes, expected):
    token = sign_in(client, make_user()).json()
    db.execute(update(LoginSession).values(expires_at=clock.now(left)))
    with host_ahead(minutes=minutes):
        assert lives(client, token) is expected
        assert (refresh(client, token).status_code == 200) is expected


@ends
@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_ends_at_once_on_every_host(db, purpose, left, minutes, expected):
    token = one_time_tokens.issue(db, purpose)
    db.execute(update(OneTimeToken).values(expires_at=clock.now(left)))
    with host_ahead(minutes=minutes):
        if expected:
            assert one_time_tokens.redeem(db, purpose, token)
        else:
            with pytest.raises(one_time_tokens.InvalidToken):
                one_time_tokens.redeem(db, purpose, token)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_link_lives_as_long_whichever_host_made_it(db, minutes):
    with host_ahead(minutes=minutes):
        one_time_tokens.issue(db, Purpose.GOOGLE_EXCHANGE)
    left = db.scalars(select(OneTimeToken.expires_at)).one() - clock.read_database_time(db)
    assert timedelta() < left <= one_time_tokens.LIFE[Purpose.GOOGLE_EXCHANGE]


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_code_of_a_phone_is_right_on_every_host(client, db, user, minutes):
    phone = phone_of(user)
    code = phone.code()
    with host_ahead(minutes=minutes):
        assert send(client, challenge(client, user), phone.code()).status_code == 401, (
            "the code of the wrong clock"
        )
        assert send(client, challenge(client, user), code).status_code == 200


@ends
def test_a_sign_in_is_fresh_for_as_long_on_every_host(client, db, left, minutes, expected):
    """A user without a password can set up a second factor only after a recent
    sign-in.
    """
    token = sign_in(client, make_user()).json()
    db.execute(update(User).values(hashed_password=None))
    db.execute(update(LoginSession).values(created_at=clock.now(left - login_sessions.FRESH)))
    db.expire_all()
    with host_ahead(minutes=minutes):
        answer = client.post("/auth/mfa/totp", headers=bearer(token), json={})
    assert answer.status_code == (200 if expected else 403), answer.text


@ends
def test_a_name_is_held_for_as_long_on_every_host(client, db, left, minutes, expected):
    db.add(UsernameHold(username="lovelace", email="ada@example.com", expires_at=clock.now(left)))
    db.flush()
    body = {"username": "lovelace", "email": "other@example.com", "password": NEW_PASSWORD}
    with host_ahead(minutes=minutes):
        assert (client.post("/auth/register", json=body).status_code == 409) is expected


@ends
def test_a_registration_waits_for_as_long_on_every_host(client, db, left, minutes, expected):
    user = make_user(is_verified=False, created_at=clock.now(left - pending.LIFE))
    with host_ahead(minutes=minutes):
        assert (sign_in(client, user).json()["code"] == "email_not_verified") is expected


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_session_tells_the_time_that_all_hosts_share(client, db, minutes):
    with host_ahead(minutes=minutes):
        token = refresh(client, sign_in(client, make_user()).json()).json()
    row = db.execute(
        select(LoginSession.created_at, LoginSession.last_used_at, LoginSession.refreshed_at)
    ).one()
    assert all(abs(clock.read_database_time(db) - at) < MINUTE for at in row)
    assert lives(client, token)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_session_that_goes_back_and_forth_is_never_refused(client, committed, minutes):
    user = make_user()
    with host_ahead(minutes=minutes):
        token = sign_in(client, user).json()
    for _ in range(3):
        token = refresh(client, token).json()
        with host_ahead(minutes=minutes):
            assert lives(client, token)
            token = refresh(client, token).json()
        assert lives(client, token)
    assert client.post("/auth/logout", headers=bearer(token)).status_code == 204
    with host_ahead(minutes=minutes):
        assert not lives(client, token)
    with SessionLocal() as db:
        assert events_of(db, "refresh_reuse") == []
