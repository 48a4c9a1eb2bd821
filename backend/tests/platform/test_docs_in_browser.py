"""`/docs` and `/redoc` work in a real browser, and load nothing from outside."""

import json
from pathlib import Path

import pytest

from app.main import app
from tests.auth.factories import PASSWORD, make_user
from tests.support import npm
from tests.support.server import running_server

pytest_plugins = ["tests.support.browser"]
pytestmark = pytest.mark.only("sqlite")  # the pages behave the same on every database


@pytest.fixture(scope="module")
def server(migrated):
    with running_server() as server:
        yield server


COUNT = """fetch('/openapi.json').then(r => r.json()).then(
    d => Object.values(d.paths).map(p => Object.keys(p).length).reduce((a, b) => a + b))"""
AXE = Path(__file__).parents[1] / "simulator" / "pages" / "axe"
# This rule is off because of Swagger UI. There, the button that copies the path is
# inside the button that opens the operation.
FAULTS = """axe.run({rules: {'nested-interactive': {enabled: false}}}).then(
    found => found.violations.map(one => `${one.id}: ${one.nodes[0].html}`))"""
STRANGER = """() => { const s = document.createElement('script');
    s.textContent = 'window.stolen = 1'; document.body.append(s);
    return window.stolen === undefined }"""


def check(visit, server):
    """Assert that the visit loaded nothing from outside, that nothing failed, and that
    no Content-Security-Policy was violated.
    """
    assert visit.complaints == []
    assert visit.requests
    assert [
        url for url in visit.requests if not url.startswith((f"{server.url}/", "data:", "blob:"))
    ] == []


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


def test_docs_offer_the_examples_and_they_can_be_executed(browser, server, committed):
    def act(page):
        page.goto(f"{server.url}/docs")
        register = page.locator("#operations-auth-auth_register")
        register.locator(".opblock-summary-control").click()
        register.locator("button.try-out__btn").click()
        offered = register.locator("textarea").input_value()
        register.locator("button.execute").click()
        register.locator(".live-responses-table .response-col_status", has_text="202").wait_for()
        read = page.locator("#operations-auth-auth_end_session")
        read.locator(".opblock-summary-control").click()
        read.locator("button.try-out__btn").click()
        form = page.locator("#operations-auth-auth_create_token")
        form.locator(".opblock-summary-control").click()
        form.locator("button.try-out__btn").click()
        names = ("username", "scope", "client_id")
        fields = {
            name: form.locator(f"tr[data-property-name={name}] input").first.input_value()
            for name in names
        }
        return (
            json.loads(offered),
            read.locator("tr[data-param-name=session_id] input").input_value(),
            fields,
        )

    visit = browser(act)
    check(visit, server)
    (shown,) = app.openapi()["paths"]["/auth/register"]["post"]["requestBody"]["content"].values()
    assert visit.found == (
        shown["example"],
        "1",
        {"username": "author@example.com", "scope": "", "client_id": ""},
    )


def test_docs_ask_the_server_that_they_come_from(browser, server):
    """PUBLIC_URL has another host name here.

    The Content-Security-Policy of the page forbids requests to that other host.
    """

    def act(page):
        page.goto(f"{server.url}/docs")
        page.wait_for_selector(".opblock")
        return page.locator("#servers option").all_inner_texts()

    assert browser(act).found == [server.url, "http://testserver"]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_the_docs(browser, server, scheme):
    npm.install(AXE)
    axe = (AXE / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    paths = app.openapi()["paths"].values()
    opened = {
        method: operation["operationId"] for path in paths for method, operation in path.items()
    }

    def act(page):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{server.url}/docs")
        page.add_style_tag(
            content="* { transition: none !important }"
        )  # otherwise, axe would measure colours while they change
        for name in ("auth_create_token", *opened.values()):
            operation = page.locator(f"[id$={name}]").first
            operation.locator(".opblock-summary-control").click()
            operation.locator("button.try-out__btn").click()
            operation.locator(".responses-table").first.wait_for()
        page.evaluate(axe)
        back = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return (
            page.evaluate(FAULTS),
            back,
            page.locator("main").count(),
            page.locator("html").get_attribute("lang"),
        )

    faults, back, mains, language = browser(act).found
    assert faults == []
    assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(28, 32, 34)"}[scheme]
    assert (mains, language) == (1, "en")


def test_redoc_shows_every_operation_and_loads_nothing_external(browser, server):
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
