"""Only real processes show what many simultaneous requests do, and a provider that
hangs.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import func, select

from app.routers.auth.models import Identity, LoginSession, User
from tests.support.openid import CLIENT, running_impostor
from tests.support.server import running_server

HANG = 12  # seconds; no client waits so long for a response
MANY = 20


@contextmanager
def running(issuer, **variables):
    with running_server(
        **CLIENT, GOOGLE_ISSUER=issuer, FRONTEND_URL="https://app.example.com", **variables
    ) as server:
        yield server


@pytest.fixture
def new_browser():
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(httpx2.Client(base_url=server.url, timeout=60))


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def come_back(browser, asked):
    query = {"code": "made up", "state": asked["state"]}
    return query_of(browser.get("/auth/google/callback", params=query).headers["Location"])


def at_once(call, arguments):
    with ThreadPoolExecutor(MANY) as threads:
        return list(threads.map(call, arguments))


def test_twenty_simultaneous_first_sign_ins_make_one_account(committed, new_browser):
    """Requirements 26 and 46."""
    with running_impostor() as impostor, running(impostor.url) as server:
        browsers = [new_browser(server) for _ in range(MANY)]
        asked = [
            query_of(browser.get("/auth/google/login").headers["Location"]) for browser in browsers
        ]
        nonces = {one["code_challenge"]: one["nonce"] for one in asked}
        impostor.by_challenge(nonces, "ada", "ada@example.com")
        told = at_once(lambda pair: come_back(*pair), zip(browsers, asked, strict=True))
        assert [set(one) for one in told] == [{"code"}] * MANY
        code = {"code": told[0]["code"]}
        answers = at_once(
            lambda _: browsers[0].post("/auth/google/exchange", json=code), range(MANY)
        )
    with committed() as db:
        assert [
            db.scalar(select(func.count()).select_from(table)) for table in (User, Identity)
        ] == [1, 1]
        assert db.scalar(select(func.count()).select_from(LoginSession)) <= 1
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (MANY - 1)


def test_one_callback_sent_twenty_times_at_once_counts_once(committed, new_browser):
    """Requirement 26."""
    with running_impostor() as impostor, running(impostor.url) as server:
        browser = new_browser(server)
        asked = query_of(browser.get("/auth/google/login").headers["Location"])
        impostor.vouch("ada", "ada@example.com", asked["nonce"])
        told = at_once(lambda _: come_back(browser, asked), range(MANY))
        assert sorted(one.get("error", "") for one in told) == ["", *["invalid_state"] * (MANY - 1)]
        assert impostor.asked["/token"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [pytest.param("/.well-known/openid-configuration", marks=pytest.mark.long), "/token"]
)
def test_the_other_routes_are_quick_while_google_hangs(committed, new_browser, path):
    """R3: a request that waits for Google holds no database connection, and only a few
    threads wait for Google.
    """
    with running_impostor() as impostor, running(impostor.url) as server:
        sent = "/auth/google/login"
        browsers = [new_browser(server) for _ in range(40)]
        if path == "/token":
            asked = [query_of(browser.get(sent).headers["Location"]) for browser in browsers]
            sent, queries = (
                "/auth/google/callback",
                [{"code": "any", "state": one["state"]} for one in asked],
            )
        else:
            queries = [{} for _ in browsers]
        impostor.answers[path] = lambda _: time.sleep(HANG)
        with ThreadPoolExecutor(40) as threads:
            started = time.monotonic()
            waiting = [
                threads.submit(b.get, sent, params=q)
                for b, q in zip(browsers, queries, strict=True)
            ]
            time.sleep(0.5)
            seconds = {
                name: [took(server.url + name) for _ in range(40)]
                for name in ("/health/live", "/health/ready")
            }
            words = [query_of(one.result().headers["Location"])["error"] for one in waiting]
            total = time.monotonic() - started
    worst = {name: max(values) for name, values in seconds.items()}
    print(  # noqa: T201
        f"while {path} hangs, 40 waiting: worst of 40 requests {worst}, all told after "
        f"{total:.1f} s"
    )
    assert set(words) == {"google_unavailable"}
    # If a route waited for Google, it would take at least `HANG`. If it waited behind
    # 40 such requests, it would take many times as long.
    assert max(worst.values()) < HANG / 2
    assert total < 3 * HANG


def took(url):
    started = time.monotonic()
    assert httpx2.get(url, timeout=30).status_code == 200
    return time.monotonic() - started
