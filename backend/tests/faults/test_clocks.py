"""Two hosts take turns to serve one user. One host's clock is five minutes fast, and
the other's five minutes slow (R13).
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.core.types import utc_now
from app.routers.auth.mfa import totp
from tests.auth.factories import PASSWORD
from tests.auth.letters import last_token
from tests.faults.figures import record
from tests.support.server import running_server
from tests.support.services import required

pytestmark = [
    pytest.mark.faults,
    pytest.mark.only("postgresql", "mysql"),
]  # only one host uses an SQLite file

MINUTES = 5
ROUNDS = 10
ADA = {"username": "ada", "email": "ada@example.com"}

Ask = Callable[..., Any]


def clock_off_by(minutes: int) -> dict[str, str]:
    """Return the settings of a process whose clock is wrong by this many minutes.

    Durations that the process measures are still right.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    library = required(str(found[0]) if found else None, "faketime is not on this machine")
    return {"LD_PRELOAD": library, "FAKETIME": f"{minutes:+}m", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.fixture
def hosts(committed) -> Iterator[tuple[Ask, list[int]]]:
    """Yield `ask(host, method, path, …)`, and a list that gets the status of every
    response.
    """
    statuses: list[int] = []
    with (
        running_server(**clock_off_by(MINUTES)) as ahead,
        running_server(**clock_off_by(-MINUTES)) as behind,
        httpx2.Client(timeout=30) as client,
    ):

        def ask(
            host: int, method: str, path: str, token: dict[str, Any] | None = None, **options: Any
        ) -> Any:
            headers = {"Authorization": f"Bearer {token['access_token']}"} if token else {}
            answer = client.request(
                method, (ahead, behind)[host].url + path, headers=headers, **options
            )
            statuses.append(answer.status_code)
            return answer.json() if answer.content else None

        yield ask, statuses


def sign_in(ask: Ask, host: int) -> dict[str, Any]:
    token: dict[str, Any] = ask(
        host, "POST", "/auth/token", data={"username": "ada", "password": PASSWORD}
    )
    return token


def issued_at(token: dict[str, Any]) -> float:
    """Return the time that the host's clock showed when it issued the token."""
    return float(json.loads(urlsafe_b64decode(token["access_token"].split(".")[1] + "=="))["iat"])


def join(ask: Ask) -> None:
    """Register on one host, and open the emailed link on the other."""
    ask(0, "POST", "/auth/register", json=ADA | {"password": PASSWORD})
    ask(1, "POST", "/auth/verify-email", json={"token": last_token(ADA["email"], "verify-email")})


def browse_in_two_tabs(ask: Ask, token: dict[str, Any]) -> dict[str, Any]:
    """Let two tabs refresh with the same token in each round, each tab on a different
    host.

    Both tabs continue with the tokens that they got.
    """
    for number in range(ROUNDS):
        shown = {"refresh_token": token["refresh_token"]}
        tabs = [
            ask(host, "POST", "/auth/refresh", json=shown) for host in (number % 2, 1 - number % 2)
        ]
        assert tabs[0]["refresh_token"] == tabs[1]["refresh_token"]
        for host in (0, 1):
            for tab in tabs:
                assert ask(host, "GET", "/auth/me", tab)["username"] == "ada"
        token = tabs[1]
    return token


def use_a_phone(ask: Ask, token: dict[str, Any]) -> dict[str, Any]:
    """Set up a second factor on one host, and confirm the factor on the other. Then
    send the password to one host and the code to the other.
    """
    secret = ask(0, "POST", "/auth/mfa/totp", token, json={"password": PASSWORD})["secret"]
    step = totp.step_at(utc_now())
    ask(1, "POST", "/auth/mfa/totp/confirm", token, json={"code": totp.code_at(secret, step - 1)})
    half = sign_in(ask, 0)
    code = {"mfa_token": half["mfa_token"], "code": totp.code_at(secret, step)}
    signed_in: dict[str, Any] = ask(1, "POST", "/auth/token/mfa", json=code)
    return signed_in


def test_hosts_ten_minutes_apart_serve_a_user_without_a_refusal(hosts):
    """Before hosts shared a clock, a difference of 90 s made half of all responses 401,
    and the refresh of a second tab was treated as theft.
    """
    ask, statuses = hosts
    join(ask)
    token, another = sign_in(ask, 0), sign_in(ask, 1)
    assert issued_at(token) - issued_at(another) > MINUTES * 60, "the clocks are not set apart"
    token = browse_in_two_tabs(ask, token)
    token = use_a_phone(ask, token)
    for host in (0, 1):
        ask(
            host,
            "POST",
            "/blog/posts",
            token,
            json={"title": f"Of {host}", "content": "Hello", "is_published": True},
        )
        assert {post["title"] for post in ask(1 - host, "GET", "/blog/posts")["items"]} >= {
            f"Of {host}"
        }
    refused = [status for status in statuses if status >= 400]
    assert refused == [401], "the half of a sign-in that asks for the code, and no other"
    ask(1, "POST", "/auth/logout", token)
    ask(0, "GET", "/auth/me", token)
    assert statuses[-1] == 401, "one host ends the session for both"
    record(
        "R13 clocks",
        f"±{MINUTES} min logs nobody out",
        f"{len(statuses)} requests over both hosts, 0 refused",
    )
