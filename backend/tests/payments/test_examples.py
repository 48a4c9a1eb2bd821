"""Every request body of the OpenAPI document works as `/docs` offers it.

Each request is made on its own, against the demo data and the simulator.
"""

import json
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from app import cli
from app.db.database import SessionLocal
from app.platform import limits
from app.routers.auth.demo import PASSWORD
from app.routers.auth.models import User
from tests.auth.factories import token_for
from tests.auth.letters import last_token
from tests.auth.phones import Phone, phone_of
from tests.payments.steps import subscribe, told, work
from tests.payments.stripe_side import signed
from tests.support.openapi_document import BODIES, FORM, content_of, path_of

pytestmark = pytest.mark.only(
    "sqlite"
)  # rows of the demo data have the same ids on each database, but not after tests


def person(username="author"):
    with SessionLocal() as db:
        return db.scalars(select(User).where(User.username == username)).one()


@pytest.fixture
def side(stripe_side, settings):
    settings(GOOGLE_CLIENT_ID="id", GOOGLE_CLIENT_SECRET="secret")
    return stripe_side


@pytest.fixture
def demo(client, db, side):
    """`with demo():` begins from the demo data each time."""
    cli.seed()
    work()

    @contextmanager
    def alone():
        limits.made_counters.cache_clear()
        savepoint = db.connection().begin_nested()
        yield
        client.headers.pop("Authorization", None)
        client.cookies.clear()
        savepoint.rollback()

    return alone


# What can only be in a mail, in an app, or in another answer. The example says so, and
# has the right form.


def registered(client, _side):
    client.post("/auth/register", json=example_of("auth_register"))
    return {"token": last_token("ada@example.com", "verify-email")}


def asked_for_email(client, _side):
    body = example_of("auth_change_email")
    client.post("/auth/email-change", json=body)
    return {"token": last_token(body["new_email"], "confirm-email")}


def forgotten(client, _side):
    client.post("/auth/password/forgot", json=example_of("auth_forgot_password"))
    return {"token": last_token("author@example.com", "reset-password")}


def refreshed(client, _side):
    answer = client.post("/auth/token", data=example_of("auth_create_token"))
    return {"refresh_token": answer.json()["refresh_token"]}


def challenged(client, _side):
    phone = phone_of(person())
    answer = client.post("/auth/token", data=example_of("auth_create_token"))
    return {"mfa_token": answer.json()["mfa_token"], "code": phone.code()}


def set_up(client, _side):
    secret = client.post("/auth/mfa/totp", json=example_of("auth_set_up_totp")).json()["secret"]
    return {"code": Phone(secret).code()}


def protected(_client, _side):
    return {"code": phone_of(person()).recovery_codes[0]}


SECRETS = {
    "auth_verify_email": registered,
    "auth_confirm_email_change": asked_for_email,
    "auth_reset_password": forgotten,
    "auth_refresh": refreshed,
    "auth_answer_challenge": challenged,
    "auth_confirm_totp": set_up,
    "auth_disable_totp": protected,
}
# No value of it can be had without Google; its signature would have to be Stripe's.
FROM_OUTSIDE = {"auth_exchange_google_code": 400, "payments_receive_webhook": 400}
# There has to be a subscription before it can be changed.
SUBSCRIBED = {"payments_preview_change", "payments_change_plan", "payments_cancel_subscription"}
REFUSALS = {400: "invalid_token", 401: "invalid_", 409: "mfa_not_set_up"}


def example_of(name):
    return content_of(BODIES[name][2])[1]["example"]


def execute(client, name, changes=None):
    """As `/docs` would: the body and the path as they are offered, signed in as
    `author`, else as `admin`.
    """
    method, path, operation = BODIES[name]
    media, content = content_of(operation)
    body = content["example"] | (changes or {})
    sent = {"data": body} if media == FORM else {"json": body}
    headers = {}
    if name == "payments_receive_webhook":
        headers = {"Stripe-Signature": "t=1,v1=0"}
    for username in ("author", "admin"):
        if operation["security"]:
            client.headers["Authorization"] = f"Bearer {token_for(person(username))}"
        answer = client.request(method, path_of(path, operation), headers=headers, **sent)
        if answer.status_code != 403 or answer.json()["code"] != "superuser_only":
            break
    return answer


@pytest.mark.slow
def test_every_body_works_as_it_is_offered(client, demo, side):
    assert len(BODIES) > 20
    for name in BODIES.keys() - SECRETS.keys() - FROM_OUTSIDE.keys():
        with demo():
            if name in SUBSCRIBED:
                subscribe(side, person())
                told(client, side, person())
            answer = execute(client, name)
            assert answer.is_success, (name, answer.text)


@pytest.mark.slow
def test_what_exists_once_works_as_soon_as_it_is_pasted(client, demo, side):
    for name, prepare in SECRETS.items():
        with demo():
            client.headers["Authorization"] = f"Bearer {token_for(person())}"
            changes = prepare(client, side)
            answer = execute(client, name, changes)
            assert answer.is_success, (name, answer.text)


@pytest.mark.slow
def test_until_then_only_its_value_is_refused(client, demo):
    for name in [*SECRETS, *FROM_OUTSIDE]:
        with demo():
            answer = execute(client, name)
            assert answer.status_code in REFUSALS, (name, answer.text)
            code = answer.json()["code"]
            assert code.startswith(REFUSALS[answer.status_code]) or code == "invalid_signature", (
                name,
                code,
            )


def test_the_example_of_the_webhook_is_an_event(client, demo):
    body = json.dumps(example_of("payments_receive_webhook")).encode()
    assert client.post("/payments/webhook", content=body, headers=signed(body)).json() == {
        "received": True
    }


def test_the_examples_use_the_password_of_the_demo_data():
    assert example_of("auth_create_token")["password"] == PASSWORD
