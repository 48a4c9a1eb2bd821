"""`make demo-billing` runs the life of a subscription on a laptop without a network.

In this test, a real browser pays in Checkout.
"""

import re
from datetime import timedelta
from typing import Any

import pytest

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.payments.clock import payments_now
from app.routers.payments.operations import doctor
from tests.payments.lives import sell_plans
from tests.payments.stripe_side import KEY, SECRET, StripeSide, simulator_process
from tests.support.server import free_port, running_server
from tools.billing_story import Story
from tools.billing_world import World

pytest_plugins = ["tests.support.browser"]


@pytest.fixture
def world(settings, committed):
    """A server, a worker and the simulator, which are started in the same way as by
    `make dev`.
    """
    port = free_port()
    webhook = f"http://127.0.0.1:{port}/payments/webhook"
    with simulator_process("--webhook", webhook, "--webhook-secret", SECRET) as stripe:
        settings(STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE=stripe)
        with running_server(
            PORT=str(port), ENVIRONMENT="development", PUBLIC_URL="", EMBEDDED_WORKER="true"
        ) as server:
            found = World(server.url, stripe)
            yield found
            found.close()


@pytest.fixture
def checkout(browser):
    """`checkout(url, card)` pays with the browser, as a person does."""

    def pay(url, card):
        def act(page):
            page.goto(url)
            page.get_by_label("Card number").fill(card)
            page.get_by_label("Expiry").fill("12 / 44")
            page.get_by_label("Security code").fill("123")
            page.get_by_label("Name on the card").fill("Ada Story")
            page.get_by_role("button", name=re.compile("Start trial|Subscribe")).click()
            page.wait_for_url(re.compile(r"/demo/billing/success\?session_id="))
            return page.url

        return browser(act).found

    return pay


@pytest.fixture
def bystander(world):
    """A subscription created by hand. It must not change when the story advances the
    clock of its own payer.
    """
    side = StripeSide(world.simulator)
    prices = sell_plans()
    customer = side.api.customers.create({"email": "eve@example.com"}).id
    card = side.api.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    order: Any = {
        "customer": customer,
        "default_payment_method": card,
        "items": [{"price": prices["pro"]}],
    }
    made = side.api.subscriptions.create(order)
    yield lambda: side.api.subscriptions.retrieve(made.id).to_dict()
    side.close()


def test_the_life_of_a_subscription(world, checkout, bystander):
    before = bystander()
    told: list[str] = []
    story = Story(world, "ada", tell=told.append, pay=checkout)

    story.sign_up()
    assert story.plan_in_force == "free"

    story.choose_pro()
    assert (story.status(), story.plan_in_force) == ("trialing", "pro")
    assert story.invoices[0]["amount_due"] == 0

    story.end_the_trial()
    assert story.status() == "active"
    assert [invoice["amount_paid"] for invoice in story.invoices] == [1200, 0]

    preview, invoice = story.change_to_yearly()
    assert preview == invoice
    assert story.plan_in_force == "pro-yearly"

    story.fail_to_pay()
    assert (story.status(), story.plan_in_force) == ("past_due", "pro-yearly")

    story.pass_through_dunning()
    assert (story.status(), story.plan_in_force) == ("past_due", "free")

    story.recover()
    assert (story.status(), story.plan_in_force) == ("active", "pro-yearly")

    story.cancel()
    story.resume()
    assert story.status() == "active"
    story.cancel()
    story.lapse()
    assert (story.status(), story.plan_in_force) == (None, "free")

    assert doctor.find_differences() == []
    assert len(told) > 20

    assert bystander() == before
    with SessionLocal() as db:
        assert payments_now(db) < utc_now() + timedelta(hours=1)
    assert world.now() > utc_now() + timedelta(days=700)
