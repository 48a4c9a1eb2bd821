"""A newcomer in a browser clicks from a fresh `make dev` to a paid subscription and
back.
"""

import os
import re
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import expect

from tests.auth.factories import PASSWORD
from tests.support.development import development

expect.set_options(timeout=60_000)
pytest_plugins = ["tests.support.browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.only("sqlite"),
]  # what the pages do is the same on every database

EXPECTED = (
    "404: .*/payments/subscription|402: .*/payments/demo/|422: .*/auth/register|"
    "the server responded with a status of (402|404|422)"
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
    """A person who clicks and types, reads titles, and uses what has the focus.

    The clicks are counted.
    """

    def __init__(self, page):
        self.page, self.clicks = page, 0

    def click(self, role, name, **where):
        self.clicks += 1
        self.page.get_by_role(role, name=name, **where).first.click()

    def confirm(self):
        """Follow the link of the newest email, which opens next to the mailbox."""
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
        """Assert the title of the page and of its tab, which change with what was
        done.
        """
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title)
        expect(self.page).to_have_title(f"{title} · Liftoff")

    def is_at(self, name):
        expect(self.page.locator(":focus")).to_have_text(name)


def sign_up(newcomer, api, picture):
    newcomer.page.goto(api)
    newcomer.reads("Your frontend goes here")
    assert newcomer.page.url == f"{api}/dev/frontend"
    picture(newcomer.page, "1-start")
    newcomer.click("link", "Create an account")
    newcomer.fill(username="newcomer", email="newcomer@example.com", password="password")
    newcomer.click("button", "Create my account")
    expect(newcomer.page.locator(":focus")).to_have_id("password")  # which is too weak
    newcomer.fill(password=PASSWORD)
    newcomer.clicks -= 1  # that was on purpose
    newcomer.click("button", "Create my account")
    newcomer.reads("Confirm your address")
    newcomer.is_at("Open the mailbox")
    picture(newcomer.page, "2-registered")
    newcomer.click("link", "Open the mailbox")
    newcomer.confirm()
    newcomer.click("button", "Confirm my address")
    newcomer.reads("Address confirmed")
    newcomer.is_at("Sign in")
    newcomer.click("link", "Sign in")
    newcomer.fill(username="newcomer", password=PASSWORD)
    newcomer.click("button", "Sign in")
    newcomer.reads("Signed in")
    newcomer.is_at("Plans and billing")
    picture(newcomer.page, "3-signed-in")


def subscribe(newcomer, api, picture):
    newcomer.click("link", "Plans and billing")
    expect(newcomer.page.get_by_role("status")).to_have_text(
        "You have no subscription. Choose a plan."
    )
    newcomer.click("button", "Export my invoices")
    expect(newcomer.page.locator("#tried")).to_contain_text("The plan pro allows this.")
    newcomer.clicks -= 1
    picture(newcomer.page, "4-plans")
    newcomer.click("button", "Subscribe to Team, €49.00 a month")
    newcomer.page.wait_for_url(re.compile(r"^http://127\.0\.0\.1:"))
    newcomer.page.get_by_text("Test cards").click()
    newcomer.clicks += 1
    newcomer.click("button", re.compile("4242 4242 4242 4242"))
    picture(newcomer.page, "5-checkout")
    newcomer.click("button", re.compile("Subscribe|Pay|Start"))
    newcomer.reads("You are subscribed")
    assert newcomer.page.url.startswith(f"{api}/dev/frontend/billing/success")
    expect(newcomer.page.get_by_role("status")).to_contain_text("Team is active and renews on ")
    picture(newcomer.page, "6-subscribed")


def come_back(newcomer, picture):
    newcomer.is_at("Plans and billing")
    newcomer.click("link", "Plans and billing")
    expect(newcomer.page.get_by_text("Your plan", exact=True)).to_have_count(1)
    newcomer.click("button", "Export my invoices")
    expect(newcomer.page.locator("#tried")).to_contain_text("paid,eur,4900,4900")
    newcomer.click("button", "Can I add a device?")
    expect(newcomer.page.locator("#tried")).to_have_text("Yes, you can add one.")
    picture(newcomer.page, "7-yours")
    newcomer.click("button", "Manage my subscription")
    newcomer.page.wait_for_url(re.compile(r"^http://127\.0\.0\.1:"))
    newcomer.click("link", "Cancel subscription")
    newcomer.click("button", "Cancel subscription")
    picture(newcomer.page, "8-portal")
    newcomer.click("link", "Return")
    newcomer.reads("Plans and billing")
    status = newcomer.page.get_by_role("status")
    for _ in range(60):  # until Stripe's webhook has arrived
        expect(status).to_contain_text("Team")
        if "ends on" in status.inner_text():
            break
        newcomer.page.wait_for_timeout(500)
        newcomer.page.reload()
    expect(status).to_contain_text("Team ends on ")
    newcomer.click("button", "Sign out")
    newcomer.reads("Your frontend goes here")
    expect(newcomer.page.get_by_role("link", name="Create an account")).to_be_visible()
    newcomer.page.goto(f"{newcomer.page.url}/billing")
    expect(newcomer.page.get_by_role("button", name="Subscribe to")).to_have_count(0)
    expect(newcomer.page.get_by_role("link", name="Sign in")).to_be_visible()
    picture(newcomer.page, "9-signed-out")


def test_a_new_user_clicks_from_registration_to_a_subscription(browser, running, picture):
    """The way from the address that `make dev` prints to an active subscription takes
    12 clicks.

    The user has to know nothing.
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
    """Otherwise, the cookie of 127.0.0.1 would be missing when Stripe or an email leads
    back to localhost.
    """
    other = running.api.replace("localhost", "127.0.0.1")
    page = "/dev/frontend/verify-email?token=a%2Bb"
    answer = httpx2.get(f"{other}{page}")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{running.api}{page}")
    assert httpx2.get(f"{running.api}{page}").status_code == 200
    assert httpx2.get(f"{other}/").headers["location"] == "/dev/frontend"
