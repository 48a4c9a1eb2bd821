"""Time tells nobody who has an account. Real servers, samples in random order, compared by rank."""

import os
import random
import statistics
import time
from itertools import count

import httpx2
import pytest

from tests.auth.factories import PASSWORD, make_user
from tests.support.server import running_server
from tests.support.smtp import mail_server

pytestmark = pytest.mark.slow

SAMPLES = 120  # of each kind in a round
ROUNDS = 4  # a machine that is busy otherwise may blur one; a difference that is there shows in all

_numbers = count(1)


def rank(one, other):
    """How often a sample of `one` is longer than one of `other`: a half where they cannot be told apart."""
    longer = sum((a > b) + (a == b) / 2 for a in one for b in other)
    return longer / (len(one) * len(other))


def measure(kinds):
    """Seconds of `SAMPLES` calls of each kind, by its name."""
    order = [name for name in kinds for _ in range(SAMPLES)]
    random.Random(7).shuffle(order)  # noqa: S311 - an order, no secret
    for call in kinds.values():
        call()
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for name in order:
        began = time.perf_counter()
        answer = kinds[name]()
        took[name].append(time.perf_counter() - began)
        assert answer.status_code in (202, 401), answer.text
    return took


def tell_apart(title, kinds):
    """Why the kinds can be told apart in the best round, or None. Prints every round."""
    for attempt in range(ROUNDS):
        (first, one), *others = measure(kinds).items()
        figures, problems = [f"{first} {statistics.median(one) * 1000:.2f} ms"], []
        for name, other in others:
            ratio, odds = statistics.median(other) / statistics.median(one), rank(other, one)
            figures.append(f"{name} {statistics.median(other) * 1000:.2f} ms, ratio {ratio:.3f}, rank {odds:.3f}")
            if not (0.9 < ratio < 1.1 and 0.38 < odds < 0.62):
                problems.append(figures[-1])
        print(f"\n{title}, round {attempt + 1}: medians {'; '.join(figures)}")  # noqa: T201 - the figures are the point
        if not problems:
            return None
    return problems


def from_anywhere():
    """Each request from an address of its own, or the limits would answer."""
    number = next(_numbers)
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


def serving(**variables):
    url = os.environ["DATABASE_URL"]
    return running_server(DATABASE_URL=url, TRUSTED_PROXIES="127.0.0.1", LOG_LEVEL="error", **variables)


def test_a_wrong_password_takes_as_long_for_every_kind_of_account(committed):
    """Requirement 3."""
    known = [make_user().email for _ in range(50)]
    bare = [make_user(hashed_password=None).email for _ in range(50)]
    with serving() as server, httpx2.Client(base_url=server.url, timeout=30) as client:

        def sign_in(email):
            data = {"username": email, "password": PASSWORD + "!"}
            return client.post("/auth/token", data=data, headers=from_anywhere())

        kinds = {
            "known": lambda: sign_in(random.choice(known)),  # noqa: S311
            "unknown": lambda: sign_in(f"nobody{next(_numbers)}@example.org"),
            "without a password": lambda: sign_in(random.choice(bare)),  # noqa: S311
        }
        assert tell_apart("wrong sign-in", kinds) is None


@pytest.mark.parametrize("mail", ["up", "down"])
def test_asking_for_a_new_password_takes_as_long_for_every_address(committed, mail):
    """Requirement 4."""
    known = iter([make_user().email for _ in range(ROUNDS * (SAMPLES + 1))])
    with mail_server() as (_, port):
        smtp = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port if mail == "up" else 1), "SMTP_TLS": "none"}
        with serving(**smtp) as server, httpx2.Client(base_url=server.url, timeout=30) as client:

            def forgot(email):
                return client.post("/auth/password/forgot", json={"email": email}, headers=from_anywhere())

            kinds = {
                "known": lambda: forgot(next(known)),
                "unknown": lambda: forgot(f"nobody{next(_numbers)}@example.org"),
            }
            assert tell_apart(f"forgot, SMTP {mail}", kinds) is None


def test_registering_takes_as_long_with_a_taken_address(committed):
    """Requirement 1 asks for the same answer; its time is told apart as little as that of a sign-in."""
    taken = iter([make_user().email for _ in range(ROUNDS * (SAMPLES + 1))])
    with serving() as server, httpx2.Client(base_url=server.url, timeout=30) as client:

        def register(email):
            number = next(_numbers)
            body = {"username": f"newcomer{number}", "email": email, "password": PASSWORD}
            return client.post("/auth/register", json=body, headers=from_anywhere())

        kinds = {
            "free": lambda: register(f"free{next(_numbers)}@example.org"),
            "taken": lambda: register(next(taken)),
        }
        problems = tell_apart("register", kinds)
        assert problems is None
