"""A person with a browser and no frontend: register, open the mailbox, follow the link, confirm, sign in."""

import os
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.server import running_server

ACCOUNT = {"username": "newcomer", "email": "newcomer@example.com", "password": "correct horse battery staple"}
CHROMIUM = "/usr/bin/chromium"


@pytest.mark.slow
@pytest.mark.skipif(
    not Path(CHROMIUM).exists() and not os.environ.get("REQUIRE_SERVICES"), reason=f"{CHROMIUM} is missing"
)
def test_from_registration_to_a_session_by_hand(committed, tmp_path):
    with running_server(ENVIRONMENT="development", EMBEDDED_WORKER="true", PUBLIC_URL="", FRONTEND_URL="") as server:
        assert httpx2.post(f"{server.url}/auth/register", json=ACCOUNT).status_code == 202
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 390, "height": 844})  # a phone
            complaints: list[str] = []
            page.context.on(
                "console", lambda message: complaints.append(message.text) if message.type == "error" else None
            )
            page.goto(f"{server.url}/dev/mailbox")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            with page.context.expect_page() as opened:
                page.frame_locator("iframe").first.get_by_role("link", name="Confirm my address").click()
            landing = opened.value
            landing.get_by_role("button", name="Confirm my address").click()
            expect(landing.get_by_role("status")).to_have_text("Your address is confirmed. You can sign in now.")
            assert "token" not in landing.url
            page.screenshot(path=os.environ.get("MAILBOX_PNG", tmp_path / "mailbox.png"), full_page=True)
            browser.close()
        assert complaints == []
        form = {"username": ACCOUNT["email"], "password": ACCOUNT["password"]}
        assert httpx2.post(f"{server.url}/auth/token", data=form).status_code == 200
