"""The stored rows end up equal to Stripe's objects, in whatever order events arrive.

Each event goes to two server processes at the same time. A life is a subscription with
a series of steps, and each step makes Stripe send an event. The order (2, 1, 3) means:

    Stripe      step 1, step 2 ............................ step 3
    delivered                  event 2 ........ event 1 ............ event 3
    process A                  read Stripe, write    read Stripe, write
    process B                  read Stripe, write    read Stripe, write

A step is taken just before the first event that needs it. So when event 1 arrives here,
step 2 has happened and step 3 has not. Every read of Stripe races with the steps that
follow, and with the reads of the other process.
"""

import itertools
import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx2
import pytest
from sqlalchemy import func, select

from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.payments.models import WebhookEvent
from app.routers.payments.webhooks import processing
from tests.payments.lives import make_payer, sell_plans
from tests.payments.long_lives import LongLife
from tests.payments.stripe_side import KEY, SECRET, StripeSide, signed, simulator_process
from tests.payments.two_sides import objects_of, rows_of
from tests.support.server import running_server

AT_ONCE = 8  # deliveries at the same time: each event goes to both processes, for four lives
WAIT_SECONDS = 60
QUIET = 0.2  # probability with which a long life waits until all its events have arrived
TYPES = (
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
)


@pytest.fixture(scope="module")
def stripe_of_orders():
    with simulator_process() as url:
        yield {"STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_BASE": url}


@pytest.fixture(scope="module")
def servers(migrated, stripe_of_orders):
    """Two server processes, each with an embedded worker."""
    variables = {
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "EMBEDDED_WORKER": "true",
        "LOG_LEVEL": "error",
    }
    with ExitStack() as stack:
        yield [
            stack.enter_context(running_server(**variables, **stripe_of_orders)).url
            for _ in range(2)
        ]


@pytest.fixture
def side(stripe_of_orders, settings, committed):
    """A Stripe that is sometimes slow, so that an older read may return last."""
    settings(**stripe_of_orders)
    stripe = StripeSide(stripe_of_orders["STRIPE_API_BASE"], retries=3)
    stripe.chaos(calls={"slow": 0.1, "slow_seconds": 0.25}, seed=1)
    yield stripe
    stripe.close()


class Life:
    """The life of a subscription whose payer has no other subscription.

    `step(n)` changes the subscription until Stripe has sent event number n.
    """

    def __init__(self, side, prices, http):
        self.http = http
        self.payer = make_payer(side, prices)
        self.side = side
        self.id = ""
        self.events = []

    def step(self, number):
        """Change the subscription until Stripe has sent the event with this number."""
        while len(self.events) < number:
            self._do(len(self.events) + 1)
            self._note_events(len(self.events) + 1)

    def _do(self, number):
        api = self.side.api.subscriptions
        match number:
            case 1:
                self.id = self.payer.subscribe("team")
            case 2:
                item = {
                    "id": self.payer.at_stripe(self.id)["items"].data[0].id,
                    "price": self.payer.prices["pro"],
                }
                api.update(self.id, {"items": [item], "proration_behavior": "create_prorations"})
            case 3:
                api.update(self.id, {"cancel_at_period_end": True})
            case 4:
                api.update(self.id, {"cancel_at_period_end": False})
            case 5:
                api.cancel(self.id)

    def _note_events(self, number):
        kind = {1: TYPES[0], 5: TYPES[2]}.get(number, TYPES[1])
        known = {one["id"] for one in self.events}
        listed = self.http.get(
            f"{self.side.url}/v1/events",
            params={"type": kind, "limit": 30},
            headers={"Authorization": f"Bearer {KEY}"},
        ).json()["data"]
        (new,) = [
            one
            for one in listed
            if one["data"]["object"]["id"] == self.id and one["id"] not in known
        ]
        self.events.append(new)


@dataclass
class Post:
    """Delivers every event twice at the same moment, once to each process. Stripe may
    do this.
    """

    servers: list[str]
    http: httpx2.Client
    threads: ThreadPoolExecutor

    def deliver(self, event):
        body = json.dumps(event).encode()
        headers = signed(body)
        urls = [f"{url}/payments/webhook" for url in self.servers]
        answers = self.threads.map(
            lambda url: self.http.post(url, content=body, headers=headers), urls
        )
        assert {answer.status_code for answer in answers} == {200}


def live(side, prices, order, post):
    """Run a life whose events are delivered in this order."""
    life = Life(side, prices, post.http)
    for number in order:
        life.step(number)
        post.deliver(life.events[number - 1])
    assert eventually(
        lambda: is_worked_off(life)
    )  # wait before the next life, because workers that fall behind cause no races
    return life


def is_worked_off(life):
    """Return whether all events of this life are processed, and no job is left."""
    mine = WebhookEvent.event_id.in_(
        [event["id"] for event in life.events]
    )  # some events do not name the payer
    with SessionLocal() as db:
        waiting = db.scalar(
            select(func.count(WebhookEvent.id)).where(mine, WebhookEvent.outcome.is_(None))
        )
        keys = [
            processing.job_key(event_id)
            for event_id in db.scalars(select(WebhookEvent.id).where(mine))
        ]
        return waiting == 0 and db.scalar(select(func.count(Job.id)).where(Job.key.in_(keys))) == 0


def eventually(is_so):
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def all_orders():
    """Return all 153 orders of one event, of two events, and so on up to five."""
    return [order for many in range(1, 6) for order in itertools.permutations(range(1, many + 1))]


def live_long(side, prices, seed, post):
    """Run a long life. Its events arrive once or twice, in any order, and with any
    delay.

    At some moments, the test waits until every event has arrived, and compares the
    rows. The life ends early at a random chapter, but not at one of the first chapters.
    """
    chance = random.Random(seed)  # noqa: S311 - the same each time
    life, on_their_way = LongLife(side, prices, post.http), []
    chapters = life.chapters[: chance.randint(6, len(life.chapters))]
    for chapter in chapters:
        chapter()
        on_their_way += [event for event in life.news() for _ in range(chance.choice((1, 1, 2)))]
        chance.shuffle(on_their_way)
        is_quiet = chapter is chapters[-1] or chance.random() < QUIET
        left = 0 if is_quiet else chance.randint(0, len(on_their_way))
        while len(on_their_way) > left:
            post.deliver(on_their_way.pop())
        if is_quiet:
            assert eventually(lambda: is_worked_off(life))
            assert rows_of(life) == objects_of(life), (seed, chapter)
    return life


def run(side, servers, orders, live=live):
    """Return the orders after which the rows differ from Stripe's objects."""
    prices = sell_plans()
    with (
        ThreadPoolExecutor(AT_ONCE // 2) as lanes,
        ThreadPoolExecutor(AT_ONCE) as threads,
        httpx2.Client(timeout=60) as http,
    ):
        post = Post(servers, http, threads)
        lives = list(lanes.map(lambda order: live(side, prices, order, post), orders))
    ends = {
        order: (rows_of(life), objects_of(life)) for order, life in zip(orders, lives, strict=True)
    }
    return {order: end for order, end in ends.items() if end[0] != end[1]}


def test_some_orders_end_as_stripe_says(side, servers):
    """Requirement 52, R12: a sample of the cases of the slow test."""
    orders = random.Random(52).sample(all_orders(), 12)  # noqa: S311 - a sample, the same each time
    assert run(side, servers, orders) == {}


def overtaken(side, post):
    """Let one process overtake the other, and return the life. Return `None` if the
    first process was not overtaken.

        slow process    event 1: read subscription ...... read invoices (9 s) ... drop
        other process                     event 5: read, write "canceled"

    If the result is `None`, the other process took so long that the slow process had
    finished, too.
    """
    life = Life(side, sell_plans(), post.http)
    side.chaos(next=[{"fault": "slow", "method": "GET", "path": "/v1/invoices", "seconds": 9}])
    life.step(1)
    post.deliver(life.events[0])
    assert eventually(
        lambda: not side.control("GET", "state")["chaos"]["next"]
    )  # wait until the slow call has begun
    life.step(5)
    post.deliver(life.events[4])
    assert eventually(lambda: rows_of(life)["status"] == "canceled")
    came_about = not is_worked_off(life)
    side.chaos()  # the slow call continues
    assert eventually(lambda: is_worked_off(life))
    assert rows_of(life) == objects_of(life)
    return life if came_about else None


def test_a_look_that_was_overtaken_writes_nothing(side, servers):
    """Requirement 52."""
    with ThreadPoolExecutor(AT_ONCE) as threads, httpx2.Client(timeout=60) as http:
        post = Post(servers, http, threads)
        assert any(overtaken(side, post) for _ in range(5))


@pytest.mark.long
@pytest.mark.only("postgresql")
def test_every_order_of_five_events_ends_as_stripe_says(side, servers):
    """Requirement 52, R12: 153 orders, each event delivered twice at the same moment, 8
    deliveries at a time.
    """
    orders = all_orders()
    assert len(orders) == 153
    assert run(side, servers, orders) == {}


@pytest.mark.slow
def test_some_long_lives_end_as_stripe_says(side, servers):
    """Requirement 52, R12: a sample of the cases of the slow test."""
    assert run(side, servers, range(3), live_long) == {}


@pytest.mark.long
@pytest.mark.only("postgresql")
def test_long_lives_in_many_orders_end_as_stripe_says(side, servers):
    """Requirement 52, R12: 16 lives of 28 to 39 events from trial to lapse, 8
    deliveries at a time.
    """
    assert run(side, servers, range(100, 116), live_long) == {}
