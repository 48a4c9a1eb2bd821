"""A callback is accepted once, within ten minutes, in the browser that began the
sign-in.

See requirement 26.
"""

import pytest
from sqlalchemy import func, select

from app.db.database import SessionLocal
from app.routers.auth.models import Identity, LoginSession, User
from tests.auth.factories import PASSWORD, make_user
from tests.auth.google.conftest import said

INVALID = {"error": "invalid_state"}


@pytest.fixture
def begun(journey, impostor):
    """A sign-in that has been at Google, and whose browser is about to come back."""
    journey.begin()
    impostor.vouch("1", "ada@example.com", journey.asked["nonce"])
    return journey


def nothing_happened(db):
    return all(
        db.scalar(select(func.count()).select_from(table)) == 0
        for table in (User, Identity, LoginSession)
    )


@pytest.mark.parametrize("state", ["", "x" * 43, "x" * 5_000, "ü", "' OR 1=1 --"])
def test_a_made_up_state_is_refused_and_google_is_not_asked(db, begun, impostor, state):
    """Requirement 26."""
    assert said(begun.come_back(state=state)) == INVALID
    assert impostor.asked["/token"] == 0
    assert nothing_happened(db)


def test_unknown_parameters_of_the_callback_are_ignored(begun):
    """Google sends more parameters than are documented (RFC 6749, 4.1.2)."""
    assert "code" in said(begun.come_back(authuser="0", hd="example.com", prompt="consent"))


def test_a_callback_without_any_parameter_is_refused(client, db, begun):
    """Requirement 26."""
    assert said(client.get("/auth/google/callback", follow_redirects=False)) == INVALID
    assert nothing_happened(db)


@pytest.mark.parametrize("others", [None, "x" * 43, "", "x"])
def test_another_browsers_state_is_refused_and_not_spent(client, db, begun, others):
    """Requirement 26."""
    own = client.cookies["liftoff-google"]
    client.cookies.clear()
    if others is not None:
        client.cookies.set("liftoff-google", others)
    assert said(begun.come_back()) == INVALID
    assert nothing_happened(db)
    client.cookies.clear()
    client.cookies.set("liftoff-google", own)
    assert "code" in said(begun.come_back())


def test_a_state_counts_once(db, begun, impostor):
    """Requirement 26."""
    assert "code" in said(begun.come_back())
    assert said(begun.come_back()) == INVALID
    assert impostor.asked["/token"] == 1


def test_a_state_is_used_up_also_when_google_fails(db, begun, impostor):
    """Requirement 26."""
    impostor.claims["nonce"] = "another"
    assert said(begun.come_back()) == {"error": "google_failed"}
    impostor.claims["nonce"] = begun.asked["nonce"]
    assert said(begun.come_back()) == INVALID
    assert nothing_happened(db)


def test_a_state_is_too_old_after_ten_minutes(db, clock, journey, impostor):
    """Requirement 26."""
    journey.begin()
    clock.shift(601)
    assert said(journey.come_back()) == INVALID
    assert impostor.asked["/token"] == 0


def test_two_tabs_of_one_browser_do_not_disturb_each_other(db, journey, impostor):
    journey.begin()
    first = journey.asked
    journey.begin()
    impostor.vouch("1", "ada@example.com", first["nonce"])
    assert "code" in said(journey.come_back(state=first["state"]))
    impostor.vouch("1", "ada@example.com", journey.asked["nonce"])
    assert "code" in said(journey.come_back())


def test_the_answer_of_another_issuer_is_refused(db, begun, impostor):
    """This would be a mix-up attack (RFC 9207)."""
    assert said(begun.come_back(iss="https://evil.example")) == {"error": "google_failed"}
    assert impostor.asked["/token"] == 0


@pytest.mark.parametrize("change", ["other browser", "session ended", "replayed", "asked again"])
def test_linking_needs_the_browser_and_session_that_asked(
    client, ask_to_link, journey, impostor, change
):
    """Requirement 26."""
    user = ask_to_link(make_user())
    impostor.vouch("1", "ada@example.com", journey.asked["nonce"])
    if change == "other browser":
        client.cookies.clear()
        client.cookies.set("liftoff-google", "y" * 43)
    elif change == "session ended":
        client.post("/auth/logout")
    elif change == "asked again":
        client.post("/auth/google/link")
    elif change == "replayed":
        assert "code" in said(journey.come_back())
        assert client.post("/auth/google/unlink", json={"password": PASSWORD}).status_code == 204
    assert said(journey.come_back()) == INVALID
    with SessionLocal() as db:
        assert db.scalar(select(Identity).where(Identity.user_id == user.id)) is None
