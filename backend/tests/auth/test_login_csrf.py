"""Another site cannot sign its visitors in as someone else.

Otherwise, whatever the visitors do next would happen in that other account.
"""

import pytest

from tests.auth.factories import PASSWORD, make_user
from tests.auth.phones import phone_of

FOREIGN = ["https://evil.example", "null", "", "https://app.example.com.evil.example"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_form_of_another_site_sets_no_cookie(client, db, origin):
    """Requirement 25: a browser sends a form without a preflight, and keeps the cookie
    of the response.
    """
    form = {"username": make_user().email, "password": PASSWORD}
    answer = client.post("/auth/token?session=cookie", data=form, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("origin", FOREIGN)
def test_nor_does_the_second_half_of_a_sign_in(client, db, origin):
    """Requirement 25: the refused request does not use up the challenge either."""
    user = make_user()
    phone = phone_of(user)
    challenge = client.post(
        "/auth/token", data={"username": user.email, "password": PASSWORD}
    ).json()["mfa_token"]
    body = {"mfa_token": challenge, "code": phone.recovery_codes[0]}
    refused = client.post("/auth/token/mfa?session=cookie", json=body, headers={"Origin": origin})
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
    answer = client.post(
        "/auth/token/mfa?session=cookie", json=body, headers={"Origin": "https://app.example.com"}
    )
    assert answer.status_code == 200
    assert "Set-Cookie" in answer.headers


def test_programs_and_our_own_frontend_sign_in_by_cookie(client, db):
    form = {"username": make_user().email, "password": PASSWORD}
    for headers in ({}, {"Origin": "https://app.example.com"}, {"Origin": "http://testserver"}):
        answer = client.post("/auth/token?session=cookie", data=form, headers=headers)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, True), headers


def test_in_body_mode_the_origin_does_not_matter(client, db):
    """CORS hides the response from a foreign page, and the browser stores nothing from
    it.
    """
    form = {"username": make_user().email, "password": PASSWORD}
    answer = client.post("/auth/token", data=form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers
