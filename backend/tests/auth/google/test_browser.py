"""A new user with a browser and no frontend registers, verifies and signs in.

After that, the user signs in with Google.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.auth.factories import PASSWORD, make_user
from tests.auth.phones import phone_of
from tests.support.openid import CLIENT
from tests.support.server import running_server

pytest_plugins = ["tests.support.browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.only("sqlite"),
]  # the pages behave the same on every database


@pytest.fixture
def server(committed, real_provider):
    """A server as `make dev` starts it, with a provider to sign in with."""
    local = {
        "ENVIRONMENT": "development",
        "EMBEDDED_WORKER": "true",
        "PUBLIC_URL": "",
        "FRONTEND_URL": "",
    }
    with running_server(**CLIENT, GOOGLE_ISSUER=real_provider.url, **local) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")  # `make dev` prints this name
        real_provider.expect(f"{server.url}/auth/google/callback")
        yield server


@pytest.fixture
def picture(tmp_path):
    """`picture(page, "name")` takes a screenshot, which is kept in SCREENSHOTS."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    return lambda page, name: page.screenshot(path=folder / f"{name}.png", full_page=True)


def fill(page, fields):
    for label, words in fields.items():
        page.get_by_label(label).fill(words)


def newest_mail(page):
    """Wait until a worker has written the newest email, and return its frame."""
    for _ in range(240):
        if page.locator("iframe").count():
            return page.frame_locator("iframe").first
        page.wait_for_timeout(250)
        page.reload()
    raise AssertionError("no mail came")


def signed_in_as(page, name):
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    expect(page.get_by_label("Username")).to_have_value(name)


def test_a_newcomer_registers_follows_the_mail_and_signs_in(browser, server, picture):
    def act(page):
        page.set_viewport_size({"width": 390, "height": 844})  # a phone
        page.goto(f"{server.url}/demo")
        page.get_by_role("link", name="Create an account").click()
        fill(
            page,
            {"Username": "newcomer", "Email address": "newcomer@example.com", "Password": PASSWORD},
        )
        picture(page, "register")
        page.get_by_role("button", name="Create my account").click()
        page.get_by_role("link", name="Open the mailbox").click()
        frame = newest_mail(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        picture(page, "mailbox")
        with page.context.expect_page() as opened:
            frame.get_by_role("link", name="Confirm my address").click()
        landing = opened.value
        landing.set_viewport_size({"width": 390, "height": 844})
        landing.get_by_role("button", name="Confirm my address").click()
        expect(landing.get_by_role("heading", level=1)).to_have_text("Address confirmed")
        assert "token" not in landing.url
        landing.locator("main").get_by_role("link", name="Sign in").click()
        fill(landing, {"Username": "newcomer@example.com", "Password": PASSWORD})
        landing.get_by_role("button", name="Sign in").click()
        signed_in_as(landing, "newcomer")
        assert landing.evaluate("document.documentElement.scrollWidth") <= 390
        picture(landing, "signed-in")

    visit = browser(act)
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith((f"{server.url}/", "data:"))] == []


def test_somebody_goes_to_google_and_back(browser, server, real_provider, picture):
    """The browser goes the whole way, and the provider is a certified one."""
    real_provider.put("ada", email="ada@example.com", email_verified=True)

    def act(page):
        page.goto(f"{server.url}/demo/sign-in")
        page.get_by_role("link", name="Continue with Google").click()
        page.locator("[name=login]").fill("ada")
        page.locator("[name=password]").fill("any")
        page.locator("button[type=submit]").click()
        signed_in_as(page, "ada")
        assert page.url == f"{server.url}/demo/account"
        expect(page.get_by_text("ada@example.com")).to_be_visible()
        expect(page.get_by_role("button", name="Unlink Google")).to_be_visible()
        picture(page, "back-from-google")
        return {cookie["name"]: cookie for cookie in page.context.cookies(server.url)}

    cookie = browser(act).found["liftoff-google"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_errors_are_shown_and_the_second_factor_is_asked_for(browser, server):
    user = make_user()
    phone = phone_of(user)

    def act(page):
        page.goto(f"{server.url}/demo/sign-in")
        fill(page, {"Username": user.username, "Password": "a wrong password"})
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("The username or the password is wrong.")
        fill(page, {"Password": PASSWORD})
        page.get_by_role("button", name="Sign in").click()
        fill(page, {"Code": phone.code()})
        page.get_by_role("button", name="Continue").click()
        signed_in_as(page, user.username)

    browser(act)
