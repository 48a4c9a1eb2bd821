"""Every request body in the OpenAPI document works exactly as `/docs` offers it.

The tests use the document that development serves. Each request is sent separately,
with the demo data and the simulator.
"""

import json
from contextlib import contextmanager
from functools import lru_cache

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, func, select

from app import cli
from app.core.config import get_settings
from app.db.database import SessionLocal, SideSession
from app.main import app, create_app
from app.platform import limits, live_examples
from app.routers.auth.models import LoginSession, OneTimeToken, RecoveryCode, User
from tests.auth.factories import token_for
from tests.payments.steps import subscribe, told, work
from tests.payments.stripe_side import signed
from tests.support.openapi_document import BODIES, FORM, content_of, operations, path_of

pytestmark = pytest.mark.only(
    "sqlite"
)  # rows of the demo data have the same ids on each database, but not after tests


def person(username="author"):
    with SessionLocal() as db:
        return db.scalars(select(User).where(User.username == username)).one()


@pytest.fixture
def side(stripe_side, settings):
    settings(GOOGLE_CLIENT_ID="id", GOOGLE_CLIENT_SECRET="secret")
    settings(
        SIMULATOR_PORT=get_settings().stripe_api_base.rpartition(":")[2]
    )  # these settings give the same document as `make dev`
    return stripe_side


@pytest.fixture
def demo(client, db, side):
    """`with demo():` runs the block with fresh demo data."""
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


# These examples need values that exist only once. Only development fills them in.
LIVE = (
    "auth_verify_email",
    "auth_confirm_email_change",
    "auth_reset_password",
    "auth_refresh",
    "auth_log_out",
    "auth_act_as_user",
    "auth_answer_challenge",
    "auth_confirm_totp",
    "auth_exchange_google_code",
    "payments_receive_webhook",
)
# A subscription must exist before it can be changed, and a second factor before it can
# be turned off.
SUBSCRIBED = {"payments_preview_change", "payments_change_plan", "payments_cancel_subscription"}
PROTECTED = {"auth_disable_totp"}
REFUSALS = {
    "invalid_token",
    "invalid_code",
    "invalid_refresh_token",
    "invalid_signature",
    "mfa_not_set_up",
}


@lru_cache
def application(environment):
    return create_app(
        get_settings().model_copy(update={"environment": environment, "docs_enabled": True})
    )


@pytest.fixture
def served():
    """`served()` returns the operations that `/openapi.json` contains in an
    environment.
    """

    def ask(environment="development"):
        return operations(TestClient(application(environment)).get("/openapi.json").json())

    return ask


def execute(client, found):
    """Send the request that `/docs` offers, signed in as `author`.

    If only a superuser may send the request, sign in as `admin`.
    """
    method, path, operation = found
    media, content = content_of(operation)
    sent = {"data": content["example"]} if media == FORM else {"json": content["example"]}
    headers = {
        one["name"]: one["example"]
        for one in operation.get("parameters", [])
        if is_filled_in_header(one)
    }
    for username in ("author", "admin"):
        if operation["security"]:
            client.headers["Authorization"] = f"Bearer {token_for(person(username))}"
        answer = client.request(method, path_of(path, operation), headers=headers, **sent)
        if answer.status_code != 403 or answer.json()["code"] != "superuser_only":
            break
    return answer


def is_filled_in_header(parameter):
    return parameter["in"] == "header" and "example" in parameter


@pytest.mark.slow
def test_every_body_works_as_it_is_offered(client, demo, side, served):
    assert len(BODIES) > 20
    for name in BODIES:
        with demo():
            if name in SUBSCRIBED:
                subscribe(side, person())
                told(client, side, person())
            if name in PROTECTED:
                assert execute(client, served()["auth_confirm_totp"]).is_success
            answer = execute(client, served()[name])
            assert answer.is_success, (name, answer.text)


@pytest.mark.slow
@pytest.mark.parametrize("names", [LIVE, LIVE[::-1]], ids=["forwards", "backwards"])
def test_one_document_offers_values_for_any_order(client, demo, served, names):
    document = served()
    for name in names:
        answer = execute(client, document[name])
        assert answer.is_success, (name, answer.text)


def test_a_used_value_is_another_one_in_the_next_document(client, demo, served):
    for name in (
        "auth_reset_password",
        "auth_confirm_email_change",
        "auth_answer_challenge",
        "auth_refresh",
    ):
        for _ in range(3):
            answer = execute(client, served()[name])
            assert answer.is_success, (name, answer.text)


@pytest.mark.parametrize("way", [{"indent": 2}, {"separators": (",", ":")}, {}])
def test_the_event_is_signed_for_each_way_to_write_it(client, demo, served, way):
    *_, operation = served()["payments_receive_webhook"]
    (header,) = (one["example"] for one in operation["parameters"] if is_filled_in_header(one))
    body = json.dumps(content_of(operation)[1]["example"], **way)
    assert client.post(
        "/payments/webhook", content=body, headers={"Stripe-Signature": header}
    ).is_success


def test_another_secret_than_the_simulators_signs_nothing(demo, settings, served):
    settings(
        STRIPE_API_BASE="https://api.stripe.com", STRIPE_WEBHOOK_SECRET="whsec_of_a_real_account"
    )
    *_, operation = served()["payments_receive_webhook"]
    assert not any(is_filled_in_header(one) for one in operation["parameters"])


@pytest.mark.parametrize("environment", ["test", "staging", "production"])
def test_only_development_makes_values(client, db, demo, served, environment):
    assert served(environment) == operations(app.openapi())
    for table in (OneTimeToken, RecoveryCode, LoginSession):
        assert db.scalar(select(func.count()).select_from(table)) == 0
    assert served() != operations(app.openapi())


@pytest.mark.slow
def test_elsewhere_only_the_value_itself_is_refused(client, demo, served):
    for name in {*LIVE, *PROTECTED} - {"auth_log_out"}:
        with demo():
            answer = execute(client, served("test")[name])
            assert not answer.is_success, name
            assert answer.json().get("code") in REFUSALS or answer.status_code == 422, (
                name,
                answer.text,
            )


def test_without_demo_data_the_document_is_served_as_it_is(client, db, served, settings):
    settings(STRIPE_API_BASE="https://api.stripe.com")
    assert served() == operations(app.openapi())


def test_without_a_database_the_document_is_served_as_it_is(tmp_path, migrated):
    gone = create_engine(f"sqlite:///{tmp_path}/gone/gone.db")
    before = SideSession.kw["bind"]
    SideSession.configure(bind=gone)
    try:
        assert live_examples.filled(app.openapi()) is app.openapi()
    finally:
        SideSession.configure(bind=before)


def test_the_example_of_the_webhook_is_an_event(client, demo):
    body = json.dumps(content_of(BODIES["payments_receive_webhook"][2])[1]["example"]).encode()
    assert client.post("/payments/webhook", content=body, headers=signed(body)).json() == {
        "received": True
    }
