"""Steps of a password reset."""

from tests.auth.letters import last_token
from tests.auth.steps import (
    NEW_PASSWORD,
)


def forgot(client, email):
    return client.post("/auth/password/forgot", json={"email": email})


def link_for(client, user):
    forgot(client, user.email)
    return last_token(user.email, "reset-password")


def reset(client, token, password=NEW_PASSWORD):
    return client.post("/auth/password/reset", json={"token": token, "new_password": password})
