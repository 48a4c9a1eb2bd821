"""Signing in."""

from tests.auth.factories import PASSWORD, make_user


def test_a_right_password_gives_a_token_that_names_a_session(client, db):
    user = make_user()
    answer = client.post("/auth/token", data={"username": user.email.upper(), "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 900
    me = client.get("/auth/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"})
    assert me.json()["username"] == user.username
