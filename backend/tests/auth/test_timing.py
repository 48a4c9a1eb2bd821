"""Response times do not reveal who has an account (requirements 3 and 4).

The tests call real servers and compare the times by rank. Calls of all kinds are
interleaved, and each block has its own random order:

    block 1   known     unknown   disabled  held
    block 2   disabled  known     held      unknown
    block 3   unknown   held      known     disabled

So whatever else the machine does affects all kinds alike, and every sample counts. A
rank of one half means that two kinds cannot be told apart. By chance alone, the rank
strays from that by 0.026 with 240 samples and by 0.053 with 60. The bounds are four and
a half times as wide. If one of two hashes were skipped, the rank would move by 0.3 or
more, even on a busy machine.
"""

import os
import random
import statistics
import time
from itertools import count

import httpx2
import pytest

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.auth.credentials import pending
from app.routers.auth.models import UsernameHold
from tests.auth.factories import PASSWORD, hashed, make_user
from tests.support.server import running_server
from tests.support.smtp import mail_server

# These are the database and the hashing that production uses.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.only("postgresql"),
    pytest.mark.usefixtures("real_hashing"),
]

OF_REGISTRATION = "what somebody chose just now"

_numbers = count(1)


def rank(one, other):
    """Return how often a sample of `one` is longer than one of `other`.

    The result is one half if the two cannot be told apart.
    """
    longer = sum((a > b) + (a == b) / 2 for a in one for b in other)
    return longer / (len(one) * len(other))


@pytest.fixture(params=[60, pytest.param(240, marks=pytest.mark.long)])
def blocks(request):
    """The number of samples of each kind."""
    return request.param


def measure(kinds, status, blocks):
    """Return the seconds of `blocks` calls of each kind, by the name of the kind."""
    order = random.Random(7)  # noqa: S311 - an order, no secret
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for block in range(blocks + 1):
        for name in order.sample(list(kinds), len(kinds)):
            began = time.perf_counter()
            answer = kinds[name]()
            seconds = time.perf_counter() - began
            assert answer.status_code == status, answer.text
            if block:  # the first block only warms up
                took[name].append(seconds)
    return took


def told_apart(title, kinds, status, blocks):
    """Return the kinds that differ from the first one, and print the figures of all."""
    (first, one), *others = measure(kinds, status, blocks).items()
    chance = 4.5 * (1 / (6 * blocks)) ** 0.5
    figures, apart = [f"{first} {statistics.median(one) * 1000:.2f} ms"], []
    for name, other in others:
        odds = rank(other, one)
        ratio = statistics.median(other) / statistics.median(one)
        figures.append(
            f"{name} {statistics.median(other) * 1000:.2f} ms, ratio {ratio:.3f}, rank {odds:.3f}"
        )
        if abs(odds - 0.5) > chance:
            apart.append(figures[-1])
    print(f"\n{title}, medians of {blocks}: {'; '.join(figures)}")  # noqa: T201
    return apart


def from_anywhere():
    """Give each request a different client address. Otherwise, the limits would refuse
    most requests.
    """
    number = next(_numbers)
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


def serving(**variables):
    url = os.environ["DATABASE_URL"]
    return running_server(
        DATABASE_URL=url, TRUSTED_PROXIES="127.0.0.1", LOG_LEVEL="error", **variables
    )


def hold(address):
    """Store the rows that a registration with a taken address leaves, and return its
    username.
    """
    name = f"held{next(_numbers)}"
    row = UsernameHold(
        username=name,
        email=address,
        hashed_password=hashed(OF_REGISTRATION),
        expires_at=utc_now() + pending.LIFE,
    )
    with SessionLocal() as db, db.begin():
        db.add(row)
    return name


def some(number, **columns):
    return [make_user(**columns).email for _ in range(number)]


def one_of(names):
    return random.choice(names)  # noqa: S311 - a sample, no secret


def test_a_wrong_password_takes_equally_long_for_every_account(committed, blocks):
    """Requirement 3."""
    known, bare, owners = some(50), some(50, hashed_password=None), some(50)
    waiting, disabled = some(50, is_verified=False), some(50, is_active=False)
    held = [hold(address) for address in owners]
    with serving() as server, httpx2.Client(base_url=server.url, timeout=60) as client:

        def sign_in(name):
            data = {"username": name, "password": PASSWORD + "!"}
            return client.post("/auth/token", data=data, headers=from_anywhere())

        kinds = {
            "known": lambda: sign_in(one_of(known)),
            "unknown": lambda: sign_in(f"nobody{next(_numbers)}@example.org"),
            "without a password": lambda: sign_in(one_of(bare)),
            "unverified": lambda: sign_in(one_of(waiting)),
            "disabled": lambda: sign_in(one_of(disabled)),
            "held name": lambda: sign_in(one_of(held)),
            "address with a hold": lambda: sign_in(one_of(owners)),
        }
        assert told_apart("wrong sign-in", kinds, 401, blocks) == []


def test_registering_takes_equally_long_for_free_and_taken(committed, blocks):
    """Requirements 1 and 3: both responses say that the link has to be opened first."""
    waiting, owners = [make_user(OF_REGISTRATION, is_verified=False) for _ in range(50)], some(50)
    held = [hold(address) for address in owners]
    with serving() as server, httpx2.Client(base_url=server.url, timeout=60) as client:

        def sign_in(name):
            data = {"username": name, "password": OF_REGISTRATION}
            return client.post("/auth/token", data=data, headers=from_anywhere())

        kinds = {
            "free": lambda: sign_in(one_of(waiting).username),
            "taken": lambda: sign_in(one_of(held)),
            "free, by e-mail": lambda: sign_in(one_of(waiting).email),
            "taken, by e-mail": lambda: sign_in(one_of(owners)),
        }
        assert told_apart("sign-in after registering", kinds, 403, blocks) == []


@pytest.mark.parametrize("mail", ["up", "down"])
def test_asking_for_a_reset_takes_equally_long_for_every_address(committed, blocks, mail):
    """Requirement 4."""
    known = iter(some(blocks + 1))
    with mail_server() as (_, port):
        smtp = {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(port if mail == "up" else 1),
            "SMTP_TLS": "none",
        }
        with serving(**smtp) as server, httpx2.Client(base_url=server.url, timeout=60) as client:

            def forgot(email):
                return client.post(
                    "/auth/password/forgot", json={"email": email}, headers=from_anywhere()
                )

            kinds = {
                "known": lambda: forgot(next(known)),
                "unknown": lambda: forgot(f"nobody{next(_numbers)}@example.org"),
            }
            assert told_apart(f"forgot, SMTP {mail}", kinds, 202, blocks) == []


def test_registering_takes_as_long_with_a_taken_address(committed, blocks):
    """Requirement 1 asks for the same response.

    The time of a registration reveals as little as the time of a sign-in.
    """
    taken = iter(some(blocks + 1))
    with serving() as server, httpx2.Client(base_url=server.url, timeout=60) as client:

        def register(email):
            body = {"username": f"newcomer{next(_numbers)}", "email": email, "password": PASSWORD}
            return client.post("/auth/register", json=body, headers=from_anywhere())

        kinds = {
            "free": lambda: register(f"free{next(_numbers)}@example.org"),
            "taken": lambda: register(next(taken)),
        }
        assert told_apart("register", kinds, 202, blocks) == []
