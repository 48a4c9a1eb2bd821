"""A new user with a browser and no frontend registers, verifies and signs in.

After that, the user signs in by Google.
"""

import os
from pathlib import Path

import httpx2
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
]  # what the pages do is the same on every database


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
        server.url = server.url.replace("127.0.0.1", "localhost")  # as `make dev` prints it
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
    """Return the frame of the newest email, as soon as a worker has written it."""
    for _ in range(40):
        if page.locator("iframe").count():
            return page.frame_locator("iframe").first
        page.wait_for_timeout(250)
        page.reload()
    raise AssertionError("no mail came")


def me(server, token):
    return httpx2.get(f"{server.url}/auth/me", headers={"Authorization": f"Bearer {token}"}).json()


def test_a_newcomer_registers_follows_the_mail_and_signs_in(browser, server, picture):
    def act(page):
        page.set_viewport_size({"width": 390, "height": 844})  # a phone
        page.goto(f"{server.url}/dev/frontend")
        picture(page, "start")
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
        landing.get_by_role("button", name="Confirm my address").click()
        expect(landing.get_by_role("status")).to_have_text(
            "Your address is confirmed. You can sign in now."
        )
        assert "token" not in landing.url
        picture(landing, "confirmed")
        landing.get_by_role("link", name="Sign in").click()
        fill(landing, {"Username": "newcomer@example.com", "Password": PASSWORD})
        picture(landing, "sign-in")
        landing.get_by_role("button", name="Sign in").click()
        expect(landing.get_by_role("status")).to_have_text("You are signed in as newcomer.")
        picture(landing, "signed-in")
        return landing.locator("pre").text_content()

    visit = browser(act)
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith((f"{server.url}/", "data:"))] == []
    assert me(server, visit.found)["is_verified"]


def test_somebody_goes_to_google_and_back(browser, server, real_provider, picture):
    """The whole way in a browser, with a certified provider."""
    real_provider.put("ada", email="ada@example.com", email_verified=True)

    def act(page):
        page.goto(f"{server.url}/dev/frontend/sign-in")
        page.get_by_role("link", name="Continue with Google").click()
        page.locator("[name=login]").fill("ada")
        page.locator("[name=password]").fill("any")
        page.locator("button[type=submit]").click()
        page.get_by_role("button", name="Finish signing in").click()
        expect(page.get_by_role("status")).to_have_text("You are signed in as ada.")
        assert "code" not in page.url
        picture(page, "back-from-google")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies(server.url)}
        return page.locator("pre").text_content(), cookies["liftoff-google"]

    token, cookie = browser(act).found
    facts = me(server, token)
    assert (facts["email"], facts["has_google"], facts["is_verified"]) == (
        "ada@example.com",
        True,
        True,
    )
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_errors_are_shown_and_the_second_factor_is_asked_for(browser, server):
    user = make_user()
    phone = phone_of(user)

    def act(page):
        page.goto(f"{server.url}/dev/frontend/sign-in")
        fill(page, {"Username": user.username, "Password": "a wrong password"})
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("status")).to_have_text("The username or the password is wrong.")
        fill(page, {"Password": PASSWORD})
        page.get_by_role("button", name="Sign in").click()
        fill(page, {"authenticator": phone.code()})
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("status")).to_have_text(f"You are signed in as {user.username}.")

    browser(act)
