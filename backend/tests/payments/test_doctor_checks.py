"""`make doctor` checks the account at Stripe, the plans, the webhook and our rows."""

import pytest

from app.db.database import SessionLocal
from app.platform.doctor import all_checks
from app.routers.payments import gateway
from app.routers.payments.gateway import SeenAccount, SeenEndpoint
from app.routers.payments.models import Subscription
from app.routers.payments.operations import endpoints
from tests.auth.factories import make_user
from tests.core.safe_settings import SAFE
from tests.payments.factories import make_customer, make_subscription

NAMES = ("stripe", "stripe plans", "stripe webhook")


def run(name):
    return all_checks()[name].run()


@pytest.fixture
def deployed(settings):
    settings(**SAFE, PASSWORD_HASH_KIB="")


def test_a_stripe_that_has_our_plans_passes(sold_plans):
    assert [run(name) and run(name).state for name in NAMES] == ["ok", "ok", None]


def test_plans_that_stripe_does_not_have_are_a_warning(stripe_side):
    assert run("stripe plans").state == "warning"
    assert "make plans-sync apply=yes" in run("stripe plans").remedy


def test_without_payments_there_are_no_rows(settings):
    settings(PAYMENTS_ENABLED="false")
    assert [run(name) for name in NAMES] == [None, None, None]


def test_a_simulator_that_does_not_run_is_a_warning(billing):
    assert (run("stripe").state, "make dev" in run("stripe").remedy) == ("warning", True)


def test_in_production_it_is_a_failure(deployed, monkeypatch):
    def silent():
        raise gateway.PaymentsUnavailable

    monkeypatch.setattr(gateway, "read_account", silent)
    assert run("stripe").state == "failure"


def test_a_key_that_stripe_refuses_is_a_failure(stripe_side, settings):
    settings(STRIPE_SECRET_KEY="sk_wrong")
    found = run("stripe")
    assert (found.state, found.detail) == (
        "failure",
        "Stripe refuses the key in STRIPE_SECRET_KEY.",
    )


def test_an_account_that_cannot_charge_is_a_failure(stripe_side, monkeypatch):
    monkeypatch.setattr(gateway, "read_account", lambda: SeenAccount("acct_1", can_charge=False))
    assert run("stripe").state == "failure"


def test_a_webhook_that_is_not_registered_is_a_failure(deployed, monkeypatch):
    monkeypatch.setattr(gateway, "list_endpoints", list)
    assert run("stripe webhook").remedy == "Run `make webhook-register`."
    ours = SeenEndpoint("we_1", endpoints.webhook_url(), ["*"], None, is_enabled=True)
    monkeypatch.setattr(gateway, "list_endpoints", lambda: [ours])
    assert run("stripe webhook").state == "ok"


def test_rows_that_break_a_rule_are_a_failure(shown_plans):
    assert run("billing rules").state == "ok"
    made = make_subscription(make_customer(make_user()))
    with SessionLocal() as db, db.begin():
        db.get_one(Subscription, made.id).live_customer_id = None
    found = run("billing rules")
    assert (found.state, "one live subscription is marked" in found.detail) == ("failure", True)
