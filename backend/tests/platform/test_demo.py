"""The demo application works in a browser. `make dev` serves it at /demo."""

import re
import subprocess
from gzip import compress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.platform.pages.demo_pages import BUILT
from app.routers.auth.mfa import totp
from tests.auth.factories import PASSWORD, make_user
from tests.support import npm

expect.set_options(timeout=60_000)
pytest_plugins = ["tests.support.browser", "tests.support.client_server"]
pytestmark = [pytest.mark.slow, pytest.mark.only("sqlite")]
AXE = Path(__file__).parents[1] / "simulator" / "pages" / "axe"
LOOK = "axe.run().then(found => found.violations.map(one => `${one.id}: ${one.nodes[0].html}`))"
PUBLIC = ["", "register", "sign-in", "forgot-password", "verify-email?token=a", "pricing", "blog"]
OWN = ["account", "sessions", "billing", "activity", "write"]
FIRST_LOAD = 100_000  # bytes, compressed


def sign_in(page, server, user):
    page.goto(f"{server.url}/demo/sign-in")
    page.get_by_label("Username or email address").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


def test_axe_finds_no_fault_on_any_page(browser, server):
    """The test shows the pages in light and dark colours, and at the width of a
    phone.
    """
    npm.install(AXE)
    axe = (AXE / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    user = make_user()

    def look(page, path, found):
        page.goto(f"{server.url}/demo/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        page.evaluate(axe)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found[path, scheme] = page.evaluate(LOOK)
        page.set_viewport_size({"width": 360, "height": 740})
        found[path, "width"] = [w for w in [page.evaluate("document.body.scrollWidth")] if w > 360]
        page.set_viewport_size({"width": 1000, "height": 800})

    def act(page):
        found: dict[object, list[object]] = {}
        for path in PUBLIC:
            look(page, path, found)
        sign_in(page, server, user)
        for path in OWN:
            look(page, path, found)
        return {where: faults for where, faults in found.items() if faults}

    visit = browser(act)
    assert visit.found == {}
    assert [url for url in visit.requests if not url.startswith((server.url, "data:"))] == []


def test_the_first_load_is_small(browser, server):
    def act(page):
        page.goto(f"{server.url}/demo")
        expect(page.get_by_role("heading", level=1)).to_be_visible()

    visit = browser(act)
    assert visit.complaints == []
    files = [BUILT / url.split("/demo/")[1] for url in visit.requests if "/assets/" in url]
    assert len(files) == 2
    assert sum(len(compress(file.read_bytes())) for file in files) < FIRST_LOAD


def test_a_second_factor_is_set_up_and_asked_for(browser, server):
    user = make_user()

    def act(page):
        sign_in(page, server, user)
        card = page.locator("section", has_text="Two-step sign-in")
        card.get_by_label("Current password").fill(PASSWORD)
        card.get_by_role("button", name="Set up").click()
        expect(page.get_by_role("img", name="QR code").locator("path")).to_be_attached()
        secret = card.locator(".key").inner_text()
        now = page.evaluate("Math.floor(Date.now() / 30000)")
        card.get_by_label("Code of the app").fill(totp.code_at(secret, now))
        card.get_by_role("button", name="Turn it on").click()
        expect(page.locator(":focus")).to_have_text("Keep your recovery codes")
        codes = page.locator(".codes code").all_inner_texts()
        page.get_by_role("button", name="I have stored them").click()
        expect(page.get_by_text("Two-step sign-in is on.")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Username or email address").fill(user.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Code", exact=True).fill(codes[0])
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
        return len(codes)

    assert browser(act).found == 10


def test_a_post_is_written_changed_restored_and_scheduled(browser, server):
    user = make_user()

    def act(page):
        sign_in(page, server, user)
        page.goto(f"{server.url}/demo/write")
        page.get_by_label("Title").fill("A harbour at night")
        page.get_by_label("Text").fill("The *first* words.")
        page.get_by_role("button", name="Save and preview").click()
        expect(page.get_by_label("Preview").locator("em")).to_have_text("first")
        page.get_by_label("Text").fill("The *second* words.")
        page.get_by_role("button", name="Save and preview").click()
        expect(page.get_by_label("Preview").locator("em")).to_have_text("second")
        expect(page.get_by_role("button", name="Changes")).to_have_count(2)
        page.get_by_role("button", name="Changes").first.click()
        expect(page.locator(".diff ins")).to_have_text("The *second* words.")
        page.get_by_role("button", name="Restore").click()
        expect(page.get_by_label("Text")).to_have_value("The *first* words.")
        page.get_by_label("Publish", exact=True).select_option("at")
        page.get_by_label("Time").fill("2099-05-01T10:00")
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("Appears on 1 May 2099")).to_be_visible()
        page.goto(f"{server.url}/demo/activity?kind=post")
        expect(page.get_by_text(re.compile("A harbour at night.* created"))).to_be_visible()

    assert browser(act).complaints == []


def test_the_demo_works_by_keyboard(browser, server):
    user = make_user()

    def act(page):
        page.goto(f"{server.url}/demo/sign-in")
        expect(page.locator(":focus")).to_have_text("Sign in")  # the heading
        page.keyboard.press("Tab")
        page.keyboard.type(user.username)
        page.keyboard.press("Tab")
        page.keyboard.type("a wrong password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.locator(":focus")).to_have_id("password")
        page.keyboard.press("Control+A")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator(":focus")).to_have_text("Your account")

    browser(act)


def test_the_committed_build_is_that_of_the_sources(tmp_path):
    web = BUILT.parent
    npm.install(web)
    build = ["npx", "vite", "build", "--outDir", str(tmp_path), "--emptyOutDir"]
    subprocess.run(build, cwd=web, check=True, capture_output=True, timeout=300)

    def content(folder):
        files = (file for file in folder.rglob("*") if file.is_file())
        return {str(file.relative_to(folder)): file.read_bytes() for file in files}

    assert content(tmp_path) == content(BUILT), "Run npm run build in backend/examples/web."
