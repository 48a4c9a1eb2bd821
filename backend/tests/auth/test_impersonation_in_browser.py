"""Staff act as a user in a real browser: from the admin to the end in the demo."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.auth.factories import PASSWORD, make_user
from tests.support.admin import entries

expect.set_options(timeout=60_000)
pytest_plugins = ["tests.support.browser", "tests.support.client_server"]
pytestmark = [pytest.mark.slow, pytest.mark.only("sqlite")]


def shoot(page, name):
    """Keep a picture in the folder ADMIN_PICTURES, if set."""
    if folder := os.environ.get("ADMIN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_staff_act_as_a_user_under_a_banner_until_they_stop(browser, server):
    staff, user = make_user(is_superuser=True), make_user(username="ada-b")

    def act(page):
        page.goto(f"{server.url}/admin/login")
        page.get_by_label("Username or email address").fill(staff.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/admin/")
        page.goto(f"{server.url}/admin/act/users/{user.id}/impersonate")
        shoot(page, "impersonate")
        page.get_by_label("Reason").fill("Their page looks odd")
        page.get_by_role("button", name="Act as this user").click()
        link = page.get_by_role("link", name="Open the application as ada-b")
        expect(link).to_be_visible()
        shoot(page, "impersonate-link")
        with page.context.expect_page() as opened:
            link.click()
        demo = opened.value
        banner = demo.get_by_role("region", name="Acting as a user")
        expect(banner).to_contain_text("ada-b")
        expect(banner).to_contain_text(f"staff member {staff.id}")
        address = demo.url
        shoot(demo, "acting")
        demo.get_by_role("link", name="Activity", exact=True).click()
        expect(banner).to_be_visible()
        demo.get_by_role("link", name="Sessions", exact=True).click()
        expect(demo.get_by_role("alert")).to_contain_text("Only the user may")
        demo.set_viewport_size({"width": 360, "height": 740})
        shoot(demo, "acting-phone")
        banner.get_by_role("button", name="Stop").click()
        expect(banner).to_have_count(0)
        expect(demo.get_by_role("link", name="Sign in")).to_be_visible()
        page.goto(f"{server.url}/admin/list/impersonations")
        shoot(page, "impersonations")
        return address

    visit = browser(act)
    assert [said for said in visit.complaints if "403" not in said] == []
    assert "#" not in visit.found
    assert len(entries("users.impersonation-end")) == 1
