"""In a real browser, a member of staff helps a customer whose payment failed."""

import json
import os
from pathlib import Path

import pytest

from app.core.types import utc_now
from app.routers.auth.models import LoginSession
from app.routers.payments.models import WebhookEvent
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.payments.factories import make_customer, make_invoice, make_subscription, store_plans
from tests.support.admin import entries
from tests.support.server import running_server

pytest_plugins = ["tests.support.browser"]
pytestmark = pytest.mark.only("sqlite")  # what the pages do is the same on every database

DECLINED = "Your card has insufficient funds."
EVENT = "payment_intent.payment_failed"


@pytest.fixture
def server(migrated):
    with running_server(EMBEDDED_WORKER="false") as server:
        yield server


@pytest.fixture
def customer(committed):
    store_plans()
    user = make_user(username="ada-b", email="ada.b@example.com")
    token_for(user)
    payer = make_customer(user)
    make_subscription(payer, status="past_due")
    make_invoice(payer, status="open", attempts=2, amount_paid=0)
    reason = {"last_payment_error": {"message": DECLINED}}
    body = {"id": "evt_1", "type": EVENT, "data": {"object": reason}}
    with committed() as db, db.begin():
        db.add(
            WebhookEvent(
                event_id="evt_1",
                type=EVENT,
                livemode=False,
                payer=payer.stripe_id,
                body=json.dumps(body).encode(),
                created_at=utc_now(),
                outcome="dead",
            )
        )
    return user


def act_on(page, action, reason):
    page.get_by_role("link", name=action, exact=True).click()
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=action, exact=True).click()
    return page.get_by_role("status").inner_text()


def shoot(page, name):
    """Save screenshots in the folder ADMIN_PICTURES, if it is set: light, dark, and on
    a phone.
    """
    if folder := os.environ.get("ADMIN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=Path(folder) / f"{name}-dark.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 390, "height": 844})
        page.reload()
        page.screenshot(path=Path(folder) / f"{name}-phone.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 720})
        page.reload()


def test_staff_help_a_customer_whose_payment_failed(browser, server, customer, committed):
    staff = make_user(is_superuser=True)

    def act(page):
        page.goto(f"{server.url}/admin")
        shoot(page, "sign-in")
        page.get_by_label("Username or email address").fill(staff.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        shoot(page, "overview")
        page.get_by_role("link", name="Payers").click()
        page.get_by_label("Search").fill(customer.email)
        page.get_by_role("button", name="Show").click()
        shoot(page, "payers")
        page.locator("tbody a").first.click()
        seen = page.get_by_text(DECLINED).inner_text()
        shoot(page, "payer")
        page.locator("section", has_text="What Stripe last said").locator("a").first.click()
        shoot(page, "event")
        said = [act_on(page, "Process again", "The card works now")]
        page.get_by_role("link", name="Payers").click()
        page.get_by_role("link", name="ada-b").click()
        shoot(page, "account")
        said.append(act_on(page, "End all sessions", "A lost phone"))
        page.get_by_role("link", name="Audit log").click()
        page.get_by_role("heading", name="Audit log").wait_for()
        shoot(page, "audit")
        return seen, said, page.locator("tbody tr").count()

    visit = browser(act)
    assert visit.complaints == []
    assert {url.partition("/admin")[0] for url in visit.requests} <= {server.url, "data:,"}
    seen, said, number = visit.found
    assert (seen, number) == (DECLINED, 3)
    assert said == [
        "A worker will process the event again.",
        "All sessions of the account have ended.",
    ]
    assert entries("users.end-sessions")[0].reason == "A lost phone"
    with committed() as db:
        assert db.query(LoginSession).filter_by(user_id=customer.id, ended_at=None).count() == 0
