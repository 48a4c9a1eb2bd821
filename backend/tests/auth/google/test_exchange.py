"""A code of the callback works only in the browser in which its sign-in began.

So another site cannot sign its visitors in as someone else.
"""

import pytest
from sqlalchemy import select

from app.routers.auth.models import LoginSession
from tests.auth.factories import make_user
from tests.auth.google.conftest import said
from tests.auth.steps import outcome

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # of RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
INVALID = (400, "invalid_token")


def cookie_of(client):
    return client.cookies["liftoff-google"]


def be_another_browser(client, cookie=None):
    client.cookies.clear()
    if cookie is not None:
        client.cookies.set("liftoff-google", cookie)


@pytest.fixture
def code(sign_in):
    """A code that is bound to the cookie of the browser that asked for it."""
    return said(sign_in("ada", "ada@example.com"))["code"]


@pytest.fixture
def challenged(journey, impostor):
    """A code that is bound to a PKCE challenge, which a frontend on another site has
    sent.
    """
    journey.begin(code_challenge=CHALLENGE)
    impostor.vouch("ada", "ada@example.com", journey.asked["nonce"])
    return said(journey.come_back())["code"]


@pytest.mark.parametrize("cookie", [None, "x" * 43, "", "x"])
def test_another_browser_cannot_use_or_spend_the_code(client, db, journey, code, cookie):
    """Requirement 26."""
    own = cookie_of(client)
    be_another_browser(client, cookie)
    assert outcome(journey.exchange(code)) == INVALID
    assert outcome(journey.exchange(code, mode="cookie")) == INVALID
    assert db.scalar(select(LoginSession)) is None
    be_another_browser(client, own)
    assert journey.exchange(code).status_code == 200


def test_a_visitor_is_not_signed_in_as_the_attacker(client, db, journey, code):
    """Requirement 26: the code is bound to the cookie of another browser."""
    be_another_browser(client)
    journey.begin()
    assert outcome(journey.exchange(code)) == INVALID


def test_the_code_of_a_link_is_bound_alike(client, db, ask_to_link, journey, impostor):
    ask_to_link(make_user())
    impostor.vouch("ada", "ada@example.com", journey.asked["nonce"])
    linked, own = said(journey.come_back())["code"], cookie_of(client)
    be_another_browser(client)
    assert outcome(journey.exchange(linked)) == INVALID
    be_another_browser(client, own)
    assert journey.exchange(linked).status_code == 200


def test_who_shows_the_verifier_needs_no_cookie(client, db, journey, challenged):
    be_another_browser(client)
    assert journey.exchange(challenged, code_verifier=VERIFIER).status_code == 200


@pytest.mark.parametrize("shown", [{}, {"code_verifier": "x" * 43}, {"code_verifier": CHALLENGE}])
def test_where_there_was_a_challenge_the_cookie_is_not_enough(db, journey, challenged, shown):
    """Requirement 26: a code with a challenge never accepts the weaker proof, which is
    the cookie.

    The refused attempt does not spend the code.
    """
    assert outcome(journey.exchange(challenged, **shown)) == INVALID
    assert db.scalar(select(LoginSession)) is None
    assert journey.exchange(challenged, code_verifier=VERIFIER).status_code == 200


def test_a_verifier_is_no_proof_for_a_code_without_a_challenge(client, db, journey, code):
    be_another_browser(client)
    assert outcome(journey.exchange(code, code_verifier=VERIFIER)) == INVALID


@pytest.mark.parametrize(
    "challenge", ["short", CHALLENGE + "A", CHALLENGE[:-1] + "=", CHALLENGE[:-1] + "ü"]
)
def test_a_challenge_that_is_none_is_refused(client, db, impostor, challenge):
    answer = client.get(
        "/auth/google/login", params={"code_challenge": challenge}, follow_redirects=False
    )
    assert outcome(answer) == (422, "validation_error")


def test_the_cookie_lives_until_the_code_is_exchanged(db, journey, impostor):
    """The cookie lives for eleven minutes: ten for the way to Google and back, and one
    for the code.
    """
    assert "max-age=660;" in journey.begin().headers["Set-Cookie"].lower()
