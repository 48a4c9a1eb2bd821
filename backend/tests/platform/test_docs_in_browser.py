"""`/docs` and `/redoc` in a real browser: they work, and load nothing from outside."""

import pytest

from tests.auth.factories import PASSWORD, make_user
from tests.support.server import running_server

pytest_plugins = ["tests.support.browser"]
pytestmark = pytest.mark.only("sqlite")  # what the pages do is the same on every database


@pytest.fixture(scope="module")
def server(migrated):
    with running_server() as server:
        yield server


COUNT = """fetch('/openapi.json').then(r => r.json()).then(
    d => Object.values(d.paths).map(p => Object.keys(p).length).reduce((a, b) => a + b))"""
STRANGER = """() => { const s = document.createElement('script'); s.textContent = 'window.stolen = 1';
    document.body.append(s); return window.stolen === undefined }"""


def check(visit, server):
    """Nothing came from outside, nothing failed, and no policy was broken."""
    assert visit.complaints == []
    assert visit.requests
    assert [url for url in visit.requests if not url.startswith((f"{server.url}/", "data:", "blob:"))] == []


def test_docs_show_every_operation_and_load_nothing_from_outside(browser, server):
    def act(page):
        page.goto(f"{server.url}/docs")
        page.wait_for_selector(".opblock")
        page.locator(".opblock-summary-path", has_text="register").click()
        page.wait_for_selector(".opblock.is-open .responses-table")
        return page.locator(".opblock").count(), page.evaluate(COUNT)

    visit = browser(act)
    check(visit, server)
    assert visit.found[0] == visit.found[1] > 10


def test_docs_sign_in_by_the_password_form(browser, server, committed):
    user = make_user()

    def act(page):
        page.goto(f"{server.url}/docs")
        page.locator("button.authorize").first.click()
        dialog = page.locator(".dialog-ux")
        dialog.locator("#oauth_username").fill(user.username)
        dialog.locator("#oauth_password").fill(PASSWORD)
        dialog.locator("button.authorize").click()
        dialog.locator("button", has_text="Logout").wait_for()
        dialog.locator("button.btn-done").click()
        me = page.locator("#operations-auth-auth_read_me")
        me.locator(".opblock-summary-control").click()
        me.locator("button.try-out__btn").click()
        me.locator("button.execute").click()
        me.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
        return me.inner_text()

    visit = browser(act)
    check(visit, server)
    assert user.email in visit.found


def test_redoc_shows_every_operation_and_loads_nothing_from_outside(browser, server):
    def act(page):
        page.goto(f"{server.url}/redoc")
        page.wait_for_selector("[data-section-id^='tag/health/operation/']")
        return page.locator("[data-section-id*='/operation/'][id]").count(), page.evaluate(COUNT)

    visit = browser(act)
    check(visit, server)
    assert visit.found[0] == visit.found[1] > 10


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_policy_of_the_pages_stops_the_script_of_a_stranger(browser, server, path):
    def act(page):
        page.goto(f"{server.url}{path}")
        page.wait_for_load_state("networkidle")
        return page.evaluate(STRANGER)

    visit = browser(act)
    assert visit.found
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)
