"""People can use the control page. Pages of other sites cannot use it."""

import httpx2
import pytest
from playwright.sync_api import expect

from tests.simulator.conftest import NOW
from tests.simulator.pages.conftest import picture
from tests.support import patient

pytest_plugins = ["tests.support.browser"]

DAY = 86_400


@pytest.fixture
def web(simulator):
    """A client that follows redirects and sends forms, like a browser."""
    with httpx2.Client(base_url=simulator.url, follow_redirects=True, timeout=20) as client:
        yield client


def state(simulator):
    return patient.get(f"{simulator.url}/_simulator/api/state").json()


@pytest.mark.parametrize(("by", "seconds"), [("hour", 3600), ("day", DAY), ("month", 31 * DAY)])
def test_a_press_moves_the_clock(web, simulator, by, seconds):
    page = web.post("/_simulator/clock", data={"by": by})
    assert "The clock has moved" in page.text
    assert state(simulator)["now"] == NOW + seconds


def test_a_press_leads_to_what_comes_next(web, shop, simulator):
    trial = shop.subscriber()
    shop.v1.subscriptions.update(
        trial.id, {"trial_end": NOW + 5 * DAY, "proration_behavior": "none"}
    )
    assert "a trial is about to end" in web.get("/_simulator").text
    web.post("/_simulator/clock", data={"by": "next"})
    assert state(simulator)["now"] == NOW + 2 * DAY
    assert len(shop.v1.events.list({"type": "customer.subscription.trial_will_end"}).data) == 1
    web.post("/_simulator/clock", data={"by": "next"})
    assert shop.v1.subscriptions.retrieve(trial.id).status == "active"


def test_what_only_the_simulator_waits_for_is_nothing_that_comes(web, shop, simulator):
    shop.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/nobody", "enabled_events": ["customer.created"]}
    )
    shop.v1.customers.create({"email": "ada@example.com"})
    simulator.settle()
    assert (
        state(simulator)["next_due"] > NOW
    )  # two timers: the next attempt to send the webhook, and the deletion of old events
    assert "Next:" not in web.get("/_simulator").text
    web.post("/_simulator/clock", data={"by": "next"})
    assert state(simulator)["now"] == NOW


def test_faults_are_set_and_all_switched_off(web, simulator):
    page = web.post("/_simulator/chaos", data={"calls.error": "1", "webhooks.delay_seconds": "7"})
    assert "The faults are set." in page.text
    chaos = state(simulator)["chaos"]
    assert (chaos["calls"]["error"], chaos["webhooks"]["delay_seconds"]) == (1, 7)
    assert (
        patient.get(
            f"{simulator.url}/v1/customers", headers={"Authorization": "Bearer sk_test_1"}
        ).status_code
        == 500
    )
    web.post("/_simulator/chaos", data={"off": "1"})
    assert state(simulator)["chaos"]["calls"]["error"] == 0


@pytest.mark.parametrize("value", ["2", "-1", "often"])
def test_a_probability_out_of_bounds_is_refused(web, simulator, value):
    page = web.post("/_simulator/chaos", data={"calls.error": value})
    assert "Answer 500: Input should be" in page.text
    assert state(simulator)["chaos"]["calls"]["error"] == 0


def test_faults_that_were_planned_by_the_api_stay(web, simulator):
    simulator.control("chaos", next=[{"fault": "error", "path": "/v1/never"}])
    web.post("/_simulator/chaos", data={"calls.slow": "0.5"})
    chaos = state(simulator)["chaos"]
    assert [planned["path"] for planned in chaos["next"]] == ["/v1/never"]
    web.post("/_simulator/chaos", data={"off": "1"})
    assert state(simulator)["chaos"]["next"] == []


def test_everything_is_forgotten(web, shop):
    assert shop.v1.prices.list().data
    web.post("/_simulator/reset")
    assert shop.v1.prices.list().data == []


def test_a_webhook_that_failed_can_be_sent_again(browser, shop, simulator):
    shop.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/nobody", "enabled_events": ["customer.created"]}
    )
    shop.v1.customers.create({"email": "ada@example.com"})
    simulator.settle()

    def act(page):
        page.goto(f"{simulator.url}/_simulator")
        expect(page.get_by_text("pending")).to_be_visible()
        picture(page, "control")
        page.get_by_role("button", name="Resend customer.created").click()
        expect(page.get_by_role("status")).to_have_text("The webhook is on its way again.")

    assert browser(act).complaints == []
    simulator.settle()
    (delivery,) = patient.get(f"{simulator.url}/_simulator/api/deliveries").json()["deliveries"]
    assert len(delivery["attempts"]) == 2


def test_an_unknown_webhook_cannot_be_sent_again(web):
    assert web.post("/_simulator/deliveries/nothing/resend").status_code == 404


def test_objects_lead_to_one_another(browser, shop, simulator):
    subscription = shop.subscriber()

    def act(page):
        page.goto(f"{simulator.url}/_simulator")
        page.get_by_role("link", name="subscription 1", exact=True).click()
        page.get_by_role("link", name=subscription.id).click()
        page.get_by_role("link", name="latest invoice").click()
        expect(page.get_by_role("heading", name=str(subscription.latest_invoice))).to_be_visible()
        picture(page, "object")
        page.get_by_role("link", name="Open the invoice").click()
        expect(page.get_by_text("$10.00 paid")).to_be_visible()

    assert browser(act).complaints == []


def test_a_charge_is_disputed_and_the_seller_wins(web, shop):
    shop.subscriber()
    (charge,) = shop.v1.charges.list().data
    page = web.post(f"/_simulator/objects/charge/{charge.id}/dispute")
    (dispute,) = shop.v1.disputes.list().data
    assert dispute.id in page.text
    again = web.post(f"/_simulator/objects/charge/{charge.id}/dispute")
    assert (again.status_code, "only once" in again.text) == (400, True)
    web.post(f"/_simulator/objects/dispute/{dispute.id}/close", data={"act": "won"})
    assert shop.v1.disputes.retrieve(dispute.id).status == "won"


@pytest.mark.parametrize(
    "path", ["objects/nothing", "objects/_timer", "objects/customer/cus_unknown", "nothing"]
)
def test_what_is_not_there_is_not_found(web, path):
    assert web.get(f"/_simulator/{path}").status_code == 404


@pytest.mark.parametrize("path", ["clock", "chaos", "reset"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}]
)
def test_a_page_of_somebody_else_moves_nothing(web, simulator, shop, path, headers):
    answer = web.post(f"/_simulator/{path}", data={"by": "day", "off": "1"}, headers=headers)
    assert answer.status_code == 403
    assert state(simulator)["now"] == NOW
    assert shop.v1.prices.list().data


def test_pages_load_nothing_but_their_style_sheet(web, shop):
    session = shop.session()
    for path in ("/_simulator", session.url, shop.portal(shop.subscriber())):
        page = web.get(path)
        assert page.headers["Content-Security-Policy"].startswith(
            "default-src 'none'; style-src 'self';"
        )
        assert page.headers["Cache-Control"] == "no-store"
        assert "<script" not in page.text
    assert web.get("/_simulator/style.css").headers["Content-Type"].startswith("text/css")


def test_what_was_stored_is_shown_as_text(web, shop):
    customer = shop.v1.customers.create(
        {"name": "<script>alert(1)</script>", "email": "a@example.com"}
    )
    for path in ("customer", f"customer/{customer.id}"):
        page = web.get(f"/_simulator/objects/{path}")
        assert "&lt;script&gt;" in page.text
        assert "<script" not in page.text
