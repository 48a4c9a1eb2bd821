"""A sign-in opens a session, and refresh tokens keep the session open until its owner
ends it or a token is stolen.
"""

import pytest
from sqlalchemy import select

from app.core.keys import sign_payload
from app.routers.auth.credentials import client
from app.routers.auth.models import LoginSession
from app.routers.auth.sessions import login_sessions, refreshing
from tests.auth.factories import make_user, token_for
from tests.auth.letters import letters_to
from tests.auth.steps import bearer, events_of, lives, outcome, refresh, sign_in

DAY = 24 * 3600


def listed(client, token):
    return client.get("/auth/sessions", headers=bearer(token)).json()


def test_a_refresh_gives_new_tokens_of_the_same_session(client, db):
    first = sign_in(client, make_user()).json()
    second = refresh(client, first)
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert second.headers["Cache-Control"] == "no-store"
    assert lives(client, second.json())
    assert len(listed(client, second.json())) == 1


def test_reusing_a_refresh_token_after_grace_ends_the_session(client, db, clock):
    """Requirement 17."""
    user = make_user()
    first, other = sign_in(client, user).json(), sign_in(client, user).json()
    second = refresh(client, first).json()
    clock.shift(11)
    assert outcome(refresh(client, first)) == (401, "invalid_refresh_token")
    assert outcome(refresh(client, second)) == (401, "invalid_refresh_token")
    assert not lives(client, first)
    assert not lives(client, second)
    assert lives(client, other)
    assert len(events_of(db, "refresh_reuse", user)) == 1
    assert [mail.subject for mail in letters_to(user.email)] == [
        "We signed out one of your devices"
    ]


def test_within_the_grace_two_tabs_get_the_same_successor(client, db, clock):
    """Requirement 18."""
    first = sign_in(client, make_user()).json()
    one = refresh(client, first).json()
    clock.shift(8)
    two = refresh(client, first).json()
    assert one["refresh_token"] == two["refresh_token"]
    assert lives(client, two)


def test_a_refresh_token_two_steps_behind_ends_the_session(client, db):
    """Requirement 17: a tab is never two steps behind, so the sender must be a
    thief.
    """
    first = sign_in(client, make_user()).json()
    third = refresh(client, refresh(client, first).json()).json()
    assert refresh(client, first).status_code == 401
    assert not lives(client, third)


def test_use_never_moves_the_end_of_a_session(client, db, clock):
    """Requirement 12."""
    token = sign_in(client, make_user()).json()
    for _ in range(5):
        clock.shift(5.9 * DAY)
        token = refresh(client, token).json()
    assert lives(client, token)
    clock.shift(DAY)
    assert outcome(refresh(client, token)) == (401, "invalid_refresh_token")


def test_an_access_token_ends_after_15_minutes_and_the_leeway(client, db, clock):
    token = sign_in(client, make_user()).json()
    assert token["expires_in"] == 900
    clock.shift(15 * 60 + 62)
    assert not lives(client, token)
    assert lives(client, refresh(client, token).json())


def test_logging_out_ends_both_tokens_at_once(client, db):
    """Requirement 19."""
    user = make_user()
    mine, other = sign_in(client, user).json(), sign_in(client, user).json()
    assert client.post("/auth/logout", headers=bearer(mine)).status_code == 204
    assert not lives(client, mine)
    assert refresh(client, mine).status_code == 401
    assert lives(client, other)


def test_logging_out_everywhere_ends_only_ones_own_sessions(client, db):
    """Requirement 19."""
    user = make_user()
    mine, other, stranger = (sign_in(client, who).json() for who in (user, user, make_user()))
    assert client.post("/auth/logout-all", headers=bearer(mine)).status_code == 204
    for token in (mine, other):
        assert not lives(client, token)
        assert refresh(client, token).status_code == 401
    assert lives(client, stranger)


def test_one_sees_ones_own_sessions_and_no_token(client, db):
    """Requirement 22."""
    user = make_user()
    sign_in(client, make_user())
    old = sign_in(client, user, headers={"User-Agent": "Old phone"}).json()
    new = sign_in(client, user, headers={"User-Agent": "New phone"}).json()
    shown = listed(client, new)
    assert [(one["user_agent"], one["current"]) for one in shown] == [
        ("New phone", True),
        ("Old phone", False),
    ]
    assert all(
        set(one) == {"id", "created_at", "last_used_at", "ip_address", "user_agent", "current"}
        for one in shown
    )
    text = client.get("/auth/sessions", headers=bearer(new)).text
    assert not any(
        part in text
        for token in (old, new)
        for part in (token["refresh_token"], token["access_token"])
    )


def test_a_session_is_ended_by_its_owner_only(client, db):
    """Requirement 22."""
    user, stranger = make_user(), make_user()
    mine, other, theirs = (sign_in(client, who).json() for who in (user, user, stranger))
    foreign = listed(client, theirs)[0]["id"]
    own = next(one["id"] for one in listed(client, mine) if not one["current"])
    assert outcome(client.delete(f"/auth/sessions/{foreign}", headers=bearer(mine))) == (
        404,
        "session_not_found",
    )
    assert lives(client, theirs)
    assert client.delete(f"/auth/sessions/{own}", headers=bearer(mine)).status_code == 204
    assert not lives(client, other)
    assert client.delete(f"/auth/sessions/{own}", headers=bearer(mine)).status_code == 404


def test_a_refresh_token_is_bound_to_every_bit_of_itself(client, db):
    token = sign_in(client, make_user()).json()["refresh_token"]
    for at in range(0, len(token), 3):
        altered = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert refresh(client, {"refresh_token": altered}).status_code == 401, at
    for strange in (
        token + "=",
        token + "\n",
        " " + token,
        token.rstrip("A") + "\u00e9",
        "x",
        "1.2",
    ):
        assert refresh(client, {"refresh_token": strange}).status_code == 401, strange


@pytest.mark.parametrize(
    "payload", [b"1.-1", b"1.99999999999999999999", b"1.x", b"1", b"0.0", b"-1.0"]
)
def test_a_well_signed_refresh_token_of_no_sense_is_refused(client, db, payload):
    assert (
        refresh(client, {"refresh_token": sign_payload("refresh tokens", payload)}).status_code
        == 401
    )


def test_the_refresh_token_of_a_later_number_ends_the_session(client, db):
    """Only someone who has the secret key could make such a token.

    Other sessions must not depend on it.
    """
    token = sign_in(client, make_user()).json()
    session_id = listed(client, token)[0]["id"]
    ahead = sign_payload("refresh tokens", f"{session_id}.7".encode())
    assert refresh(client, {"refresh_token": ahead}).status_code == 401


def test_nothing_presentable_of_a_session_is_stored(client, db):
    """Requirement 10."""
    token = sign_in(client, make_user()).json()
    row = str(db.execute(select(LoginSession.__table__)).one())
    assert token["refresh_token"] not in row
    assert not any(part in row for part in token["access_token"].split("."))


def test_a_long_user_agent_is_cut(client, db):
    token = sign_in(client, make_user(), headers={"User-Agent": "x" * 5000}).json()
    assert listed(client, token)[0]["user_agent"] == "x" * 255


def test_a_session_of_a_disabled_account_refreshes_no_more(client, db):
    """Requirement 21."""
    user = make_user()
    token = sign_in(client, user).json()
    db.merge(user).is_active = False
    db.commit()
    assert refresh(client, token).status_code == 401


def test_the_grace_is_ten_seconds():
    assert refreshing.GRACE.total_seconds() == 10


@pytest.mark.only("postgresql", "mysql")
def test_of_two_that_end_one_session_the_second_does_not_find_it(committed):
    """The first response is 204, and the second is 404 rather than another 204.

    Both requests were admitted before the session ended.
    """
    user = make_user()
    with committed() as db, db.begin():
        login_sessions.open_session(db, user, client.Client("192.0.2.1", "tests"))
        (session_id,) = db.scalars(select(LoginSession.id))
    with committed() as first, committed() as second:
        login_sessions.end_session(first, user, session_id)
        first.commit()
        with pytest.raises(login_sessions.SessionNotFound):
            login_sessions.end_session(second, user, session_id)


def test_a_user_has_so_many_sessions_and_the_oldest_make_way(client, db, monkeypatch):
    """R19: a reset ends all sessions, so a large number of them would make it slow."""
    monkeypatch.setattr(login_sessions, "MOST", 3)
    user = make_user()
    tokens = [token_for(user) for _ in range(5)]
    alive = [
        client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code
        for token in tokens
    ]
    assert alive == [401, 401, 200, 200, 200]


def test_many_sessions_of_before_make_way_a_few_at_a_time(db, monkeypatch):
    user = make_user()
    for _ in range(6):
        token_for(user)
    monkeypatch.setattr(login_sessions, "MOST", 2)
    monkeypatch.setattr(login_sessions, "TRIMMED", 3)
    left = []
    for _ in range(3):
        token_for(user)
        left.append(len(login_sessions.list_sessions(db, user)))
    assert left == [4, 2, 2]


def test_the_newest_sessions_are_listed(db, monkeypatch):
    monkeypatch.setattr(login_sessions, "SHOWN", 2)
    user = make_user()
    for _ in range(4):
        token_for(user)
    ids = db.scalars(select(LoginSession.id).order_by(LoginSession.id)).all()
    assert [one.id for one in login_sessions.list_sessions(db, user)] == [ids[3], ids[2]]
