"""The TypeScript client works in a browser: with two tabs, with an expired token, when
the server restarts, and without a network.
"""

import contextlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.auth.factories import PASSWORD, make_user
from tests.clients.test_typescript import expired_token
from tests.support.server import running_server
from tools.client import CLIENT

pytest_plugins = ["tests.support.browser", "tests.support.client_server"]
pytestmark = [pytest.mark.slow, pytest.mark.only("sqlite")]

FILES = {
    "index.html": '<!doctype html><script type="importmap">'
    '{"imports": {"openapi-fetch": "./fetch.js"}}</script>'
    '<script type="module">import * as liftoff from "./index.js"; '
    "window.api = liftoff.createLiftoff(); window.unwrap = liftoff.unwrap;</script>",
    "index.js": CLIENT / "dist" / "index.js",
    "fetch.js": CLIENT / "node_modules" / "openapi-fetch" / "dist" / "index.mjs",
}
WHO = "async () => (await unwrap(api.GET('/auth/me'))).username"
TRY = f"({WHO})().catch((error) => error.code ?? error.name)"
SIGN_IN = "([name, password]) => api.signIn(name, password)"


def serve(context, url):
    """Serve the client at the server's own origin, as a frontend would be."""

    def answer(route):
        name = urlsplit(route.request.url).path.rsplit("/")[-1]
        content = FILES[name]
        body = content.read_text() if isinstance(content, Path) else content
        kind = "text/html" if name.endswith("html") else "text/javascript"
        route.fulfill(body=body, content_type=kind)

    context.route(re.compile(r"/client/"), answer)


def opened(context, url):
    page = context.new_page()
    page.goto(f"{url}/client/index.html")
    page.wait_for_function("!!window.unwrap")
    return page


@pytest.fixture
def tabs(built, browser, server):
    """`tabs(act)` calls `act(two tabs, user)`. The first tab has signed in the user."""
    user = make_user()

    def run(act):
        def with_tabs(page):
            serve(page.context, server.url)
            first, second = (opened(page.context, server.url) for _ in range(2))
            first.evaluate(SIGN_IN, [user.username, PASSWORD])
            return act([first, second], user)

        return browser(with_tabs)

    return run


def refreshes(visit):
    return sum(url.endswith("/auth/refresh") for url in visit.requests)


def test_a_sign_in_counts_in_every_tab(tabs):
    def act(pages, user):
        pages[1].wait_for_function("api.signedIn")
        assert [page.evaluate(WHO) for page in pages] == [user.username] * 2
        third = opened(pages[0].context, pages[0].url.partition("/client")[0])
        assert third.evaluate(WHO) == user.username  # the cookie identifies the user
        assert third.evaluate("document.cookie") == ""
        kept = third.evaluate("JSON.stringify(localStorage)")
        assert "ey" not in kept

    visit = tabs(act)
    assert refreshes(visit) == 1


def test_tabs_with_an_expired_token_stay_signed_in(tabs):
    """The token comes from a third tab, as if all tabs had slept.

    Both tabs refresh at the same time. The second tab must not send the token that the
    first tab has already used.
    """

    def act(pages, user):
        held = {"access": expired_token(user.username), "expires": 9e15, "entry": "third tab"}
        for page in pages:
            page.evaluate("void (window.heard = new Promise((done) => api.onChange(done)))")
        pages[0].evaluate(
            "(held) => new BroadcastChannel(`liftoff ${location.origin}`).postMessage(held)", held
        )
        for page in pages:
            page.evaluate("heard")
        for page in pages:
            page.evaluate(f"void (window.asked = ({WHO})())")
        assert [page.evaluate("asked") for page in pages] == [user.username] * 2
        assert [page.evaluate(WHO) for page in pages] == [user.username] * 2

    assert 1 <= refreshes(tabs(act)) <= 2


def test_a_sign_out_counts_in_every_tab(tabs):
    def act(pages, user):
        pages[1].wait_for_function("api.signedIn")
        pages[1].evaluate("api.signOut()")
        pages[0].wait_for_function("!api.signedIn")
        assert [page.evaluate(TRY) for page in pages] == ["not_authenticated"] * 2
        pages[0].reload()
        pages[0].wait_for_function("!!window.unwrap")
        assert pages[0].evaluate(TRY) == "not_authenticated"

    assert refreshes(tabs(act)) == 0


def test_without_a_network_nobody_is_signed_out(tabs):
    def act(pages, user):
        page = pages[0]
        page.context.set_offline(True)
        assert page.evaluate(TRY) == "Unreachable"
        assert page.evaluate("api.signedIn")
        page.context.set_offline(False)
        assert page.evaluate(WHO) == user.username

    tabs(act)


def test_a_restart_of_the_server_is_only_a_delay(built, browser, committed):
    """The request is sent while no server listens, and the next server responds."""
    user = make_user()
    local = {"ENVIRONMENT": "development", "PUBLIC_URL": "", "FRONTEND_URL": ""}
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(running_server(**local))
        url = first.url.replace("127.0.0.1", "localhost")

        def act(page):
            serve(page.context, url)
            page = opened(page.context, url)
            page.evaluate(SIGN_IN, [user.username, PASSWORD])
            first.process.terminate()
            first.process.wait(60)
            ask = f"(async () => {{ for (;;) {{ const said = await {TRY};"
            page.evaluate(
                f"void (window.asked = {ask} if (said !== 'Unreachable') return said; }} }})())"
            )
            port = str(urlsplit(url).port)
            stack.enter_context(running_server(**local, PORT=port))
            return page.evaluate("asked")

        assert browser(act).found == user.username
