"""In a browser, a newcomer clicks from a fresh `make dev` to a paid subscription and
back.
"""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.auth.factories import PASSWORD
from tests.support import patient
from tests.support.development import development

expect.set_options(timeout=60_000)
pytest_plugins = ["tests.support.browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.only("sqlite"),
]  # the pages behave in the same way on every database

EXPECTED = (
    "404: .*/payments/subscription|422: .*/auth/register|"
    "the server responded with a status of (404|422)"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with development(tmp_path_factory.mktemp("first")) as running:
        yield running


@pytest.fixture
def picture(tmp_path):
    """`picture(page, "name")` takes a screenshot, which is kept in SCREENSHOTS."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    return lambda page, name: page.screenshot(path=folder / f"{name}.png", full_page=True)


class Newcomer:
    """A person who clicks, types, reads titles, and uses the element with the focus.

    The clicks are counted.
    """

    def __init__(self, page):
        self.page, self.clicks = page, 0

    def click(self, role, name, **where):
        self.clicks += 1
        self.page.get_by_role(role, name=name, **where).first.click()

    def confirm(self):
        """Follow the link in the newest email. The link opens in a new tab, and the
        mailbox stays open.
        """
        self.clicks += 1
        for _ in range(240):
            if self.page.locator("iframe").count():
                break
            self.page.wait_for_timeout(250)
            self.page.reload()
        with self.page.context.expect_page() as opened:
            self.page.frame_locator("iframe").first.get_by_role(
                "link", name="Confirm my address"
            ).click()
        self.page = opened.value

    def fill(self, **fields):
        for name, words in fields.items():
            self.page.locator(f"#{name}").fill(words)

    def reads(self, title):
        """Assert the titles of the page and of its tab. Both change with each
        action.
        """
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title)
        expect(self.page).to_have_title(f"{title} · Liftoff")

    def is_at(self, name):
        expect(self.page.locator(":focus")).to_have_text(name)


def sign_up(newcomer, api, picture):
    newcomer.page.goto(api)
    newcomer.reads("Your frontend goes here")
    assert newcomer.page.url == f"{api}/demo"
    picture(newcomer.page, "1-start")
    newcomer.click("link", "Create an account")
    newcomer.is_at("Create an account")
    newcomer.fill(username="newcomer", email="newcomer@example.com", password="password")
    newcomer.click("button", "Create my account")
    expect(newcomer.page.locator(":focus")).to_have_id("password")  # the password is too weak
    newcomer.fill(password=PASSWORD)
    newcomer.clicks -= 1  # this click was a deliberate mistake
    newcomer.click("button", "Create my account")
    newcomer.reads("Confirm your address")
    newcomer.is_at("Confirm your address")
    picture(newcomer.page, "2-registered")
    newcomer.click("link", "Open the mailbox")
    newcomer.confirm()
    newcomer.click("button", "Confirm my address")
    newcomer.reads("Address confirmed")
    assert "token" not in newcomer.page.url
    newcomer.page.locator("main").get_by_role("link", name="Sign in").click()
    newcomer.clicks += 1
    newcomer.fill(username="newcomer", password=PASSWORD)
    newcomer.click("button", "Sign in")
    newcomer.reads("Your account")
    expect(newcomer.page.get_by_text("newcomer@example.com")).to_be_visible()
    picture(newcomer.page, "3-signed-in")


def subscribe(newcomer, api, picture):
    newcomer.click("link", "Pricing")
    picture(newcomer.page, "4-plans")
    newcomer.click("button", "Subscribe to Team")
    newcomer.page.wait_for_url(re.compile(r"^http://127\.0\.0\.1:"))
    newcomer.page.get_by_text("Test cards").click()
    newcomer.clicks += 1
    newcomer.click("button", re.compile("4242 4242 4242 4242"))
    picture(newcomer.page, "5-checkout")
    newcomer.click("button", re.compile("Subscribe|Pay|Start"))
    newcomer.reads("You are subscribed")
    assert newcomer.page.url.startswith(f"{api}/demo/billing/success")
    expect(newcomer.page.get_by_role("status")).to_contain_text("Team is active and renews on ")
    picture(newcomer.page, "6-subscribed")


def come_back(newcomer, picture):
    page = newcomer.page
    newcomer.click("link", "See your billing")
    newcomer.reads("Billing")
    expect(page.get_by_text("€49.00", exact=False).last).to_be_visible()  # the invoice
    page.get_by_label("When").select_option("period_end")
    newcomer.click("button", "Show what it costs")
    expect(page.get_by_text("Due at the end of the period")).to_be_visible()
    picture(page, "7-billing")
    newcomer.click("button", "Cancel at the period's end")
    expect(page.get_by_role("heading", name="Team ends on ")).to_be_visible()
    newcomer.click("button", "Resume")
    expect(page.get_by_role("heading", name="Team is active and renews on ")).to_be_visible()
    newcomer.click("button", "Cards and invoices at Stripe")
    page.wait_for_url(re.compile(r"^http://127\.0\.0\.1:"))
    picture(page, "8-portal")
    newcomer.click("link", "Return")
    expect(page.get_by_role("heading", name="Team is active and renews on ")).to_be_visible()
    newcomer.click("button", "Sign out")
    newcomer.reads("Your frontend goes here")
    page.go_back()
    newcomer.reads("You are not signed in")
    picture(page, "9-signed-out")


def test_a_new_user_clicks_from_registration_to_a_subscription(browser, running, picture):
    """A user who opens the address that `make dev` prints needs 12 clicks to get an
    active subscription.

    The user needs to know nothing in advance.
    """

    def act(page):
        page.set_viewport_size({"width": 900, "height": 900})
        newcomer = Newcomer(page)
        sign_up(newcomer, running.api, picture)
        subscribe(newcomer, running.api, picture)
        clicks = newcomer.clicks
        come_back(newcomer, picture)
        return clicks

    visit = browser(act)
    assert visit.found == 12
    assert [text for text in visit.complaints if not re.search(EXPECTED, text)] == []
    own = (running.api, running.stripe, "data:")
    assert [url for url in visit.requests if not url.startswith(own)] == []


def test_pages_opened_by_another_host_name_lead_to_ours(running):
    """Otherwise, the browser would have a cookie for 127.0.0.1, and would not send it
    when Stripe or an email leads back to localhost.
    """
    other = running.api.replace("localhost", "127.0.0.1")
    page = "/demo/verify-email?token=a%2Bb"
    answer = patient.get(f"{other}{page}")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{running.api}{page}")
    assert patient.get(f"{running.api}{page}").status_code == 200
    assert patient.get(f"{other}/").headers["location"] == "/demo"
