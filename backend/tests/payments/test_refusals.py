"""If Stripe refuses a sale, the buyer and the operator get useful messages."""

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from app.db.database import SessionLocal
from app.routers.payments.models import Plan
from app.routers.payments.operations.commands import cli
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_subscription, plan_of
from tests.payments.steps import MINE, outcome, payer

OFF = "Payments are switched off (PAYMENTS_ENABLED=false)."
CHECKOUT = "/payments/checkout"
ASKING = [
    (CHECKOUT, {"plan": "pro"}),
    ("/payments/portal", None),
    (f"{MINE}/preview", {"plan": "pro"}),
    (f"{MINE}/change", {"plan": "pro"}),
    (f"{MINE}/cancel", {}),
    (f"{MINE}/resume", None),
]


def alarms(records):
    return [record["alarm"] for record in records() if record.get("event") == "payments_alarm"]


def archive(stripe_side, slug):
    stripe_side.api.prices.update(plan_of(slug).stripe_price_id, {"active": False})


def archive_product(stripe_side, slug):
    stripe_side.api.products.update(plan_of(slug).stripe_product_id, {"active": False})


def in_another_currency(stripe_side, slug):
    """Sell the plan in US dollars from now on."""
    plan = plan_of(slug)
    price = stripe_side.api.prices.create(
        {
            "product": plan.stripe_product_id,
            "currency": "usd",
            "unit_amount": plan.amount,
            "recurring": {"interval": "month"},
        }
    )
    with SessionLocal() as db, db.begin():
        db.execute(
            update(Plan).where(Plan.id == plan.id).values(currency="usd", stripe_price_id=price.id)
        )


def test_a_price_archived_at_stripe_cannot_be_bought_for_now(
    client, sold_plans, login, stripe_side, records
):
    login(make_user())
    archive(stripe_side, "pro")
    answer = client.post(CHECKOUT, json={"plan": "pro"})
    assert outcome(answer) == (503, "payments_unavailable")
    assert answer.json()["detail"].startswith("This plan cannot be bought right now.")
    assert answer.headers["Retry-After"]
    assert alarms(records) == ["plan_not_sold"]
    assert client.post(CHECKOUT, json={"plan": "team"}).status_code == 201


@pytest.mark.parametrize("when", ["now", "period_end"])
@pytest.mark.parametrize("action", ["preview", "change"])
def test_nor_can_a_subscription_change_to_it(client, subscriber, stripe_side, action, when):
    archive(stripe_side, "pro")
    answer = client.post(f"{MINE}/{action}", json={"plan": "pro", "when": when})
    assert outcome(answer) == (503, "payments_unavailable")
    assert client.get(MINE).json()["plan"]["slug"] == "team"


def test_an_archived_product_is_the_same(client, subscriber, stripe_side, login):
    """The prices of an archived product stay active, and Stripe's error names no
    parameter.
    """
    archive_product(stripe_side, "pro")
    refused = (503, "payments_unavailable")
    assert outcome(client.post(f"{MINE}/change", json={"plan": "pro"})) == refused
    login(make_user())
    assert outcome(client.post(CHECKOUT, json={"plan": "pro"})) == refused


@pytest.mark.parametrize("archive_it", [archive, archive_product])
def test_who_has_what_is_archived_can_leave_it(client, subscriber, stripe_side, archive_it):
    """Every change of an amount archives the old price, which the subscribers keep."""
    archive_it(stripe_side, "team")
    later = {"plan": "pro", "when": "period_end"}
    assert client.post(f"{MINE}/change", json=later).status_code == 200


def test_a_price_that_stripe_does_not_know_is_the_same(client, subscriber, login):
    """The price was deleted, or the key belongs to another account."""
    with SessionLocal() as db, db.begin():
        db.execute(update(Plan).where(Plan.slug == "pro").values(stripe_price_id="price_of_nobody"))
    assert outcome(client.post(f"{MINE}/change", json={"plan": "pro"})) == (
        503,
        "payments_unavailable",
    )
    login(make_user())
    assert outcome(client.post(CHECKOUT, json={"plan": "pro"})) == (503, "payments_unavailable")


@pytest.mark.parametrize("when", ["now", "period_end"])
@pytest.mark.parametrize("action", ["preview", "change"])
def test_a_subscription_keeps_its_currency(client, subscriber, stripe_side, action, when):
    in_another_currency(stripe_side, "pro")
    answer = client.post(f"{MINE}/{action}", json={"plan": "pro", "when": when})
    assert outcome(answer) == (409, "currency_mismatch")
    assert client.get(MINE).json()["plan"]["slug"] == "team"


def test_a_known_currency_is_compared_without_asking_stripe(
    client, subscriber, stripe_side, settings
):
    in_another_currency(stripe_side, "pro")
    settings(STRIPE_API_BASE="http://127.0.0.1:1")
    answer = client.post(f"{MINE}/change", json={"plan": "pro"})
    assert outcome(answer) == (409, "currency_mismatch")


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_so_it_does_where_stripe_alone_knows_it(client, subscriber, stripe_side, when):
    """The subscription has a plan that is not ours."""
    with SessionLocal() as db, db.begin():
        db.execute(update(Plan).where(Plan.slug == "team").values(stripe_price_id="price_before"))
    in_another_currency(stripe_side, "pro")
    answer = client.post(f"{MINE}/change", json={"plan": "pro", "when": when})
    assert outcome(answer) == (409, "currency_mismatch")


def test_so_does_a_customer_who_has_something_to_pay_for(client, sold_plans, login, stripe_side):
    """An item in euros was added to the customer's next invoice, for example."""
    user = login(make_user())
    item = {"customer": payer(user).stripe_id, "amount": 500, "currency": "eur"}
    stripe_side.api.invoice_items.create(item)
    in_another_currency(stripe_side, "pro")
    assert outcome(client.post(CHECKOUT, json={"plan": "pro"})) == (409, "currency_mismatch")
    assert client.post(CHECKOUT, json={"plan": "team"}).status_code == 201


@pytest.fixture
def team(login, shown_plans, billing):
    """A signed-in subscriber to Team. No Stripe responds."""
    make_subscription(make_customer(login(make_user())), "team")


@pytest.mark.parametrize(("path", "body"), ASKING)
def test_with_payments_switched_off_each_route_says_so_in_words(client, team, settings, path, body):
    settings(PAYMENTS_ENABLED="false")
    answer = client.post(path, json=body)
    assert outcome(answer) == (503, "payments_unavailable")
    assert answer.json()["detail"] == OFF


REASONS = [
    ({"PAYMENTS_ENABLED": "false"}, OFF),
    ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY is not set"),
]


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("command", ["plans-sync", "webhook-register", "billing-doctor"])
def test_each_command_says_why_nobody_is_asked(committed, billing, settings, command, reason):
    variables, words = reason
    settings(**variables)
    done = CliRunner().invoke(cli, [command])
    assert (done.exit_code, words in done.output) == (1, True), done.output


def test_a_key_that_stripe_refuses_is_named(committed, stripe_side, settings):
    settings(STRIPE_SECRET_KEY="sk_live_of_somebody_else")
    done = CliRunner().invoke(cli, ["plans-sync"])
    assert (done.exit_code, "Stripe refuses the key in STRIPE_SECRET_KEY" in done.output) == (
        1,
        True,
    ), done.output
