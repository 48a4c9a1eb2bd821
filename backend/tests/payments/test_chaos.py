"""Many people buy, change and cancel under chaos.

Events are doubled, reordered, late or lost. Calls fail, or lose their responses. After
a repair by `make billing-doctor --fix`, no difference is left, and Stripe has charged
nothing twice.
"""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.payments.operations import doctor
from app.routers.payments.queries import LIVE
from tests.auth.factories import make_user, token_for
from tests.payments.factories import plan_of, sell_plans
from tests.payments.steps import subscribe, work
from tests.payments.stripe_side import KEY, SECRET, StripeSide, plain_http, simulator_process
from tests.support.server import free_port, running_server

PLANS = ("pro", "pro-yearly", "team", "team-yearly")
CARDS = (
    *["4242424242424242"] * 6,
    "4000000000000002",
    "4000000000000341",
)  # a good card, a declined card, and a card that fails when it is charged
CHAOS = {
    "seed": 48,
    "webhooks": {"duplicate": 0.1, "reorder": 0.1, "delay": 0.1, "delay_seconds": 1, "drop": 0.1},
    "calls": {"error": 0.02, "rate_limit": 0.01, "lost": 0.02},
}


@pytest.fixture
def side(settings, committed):
    """A chaotic Stripe, and two of our server processes, to which Stripe sends
    events.
    """
    port = free_port()
    webhook = f"http://127.0.0.1:{port}/payments/webhook"
    with simulator_process("--webhook", webhook, "--webhook-secret", SECRET) as url:
        settings(STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE=url)
        sell_plans()
        with running_server(
            PORT=str(port),
            WEB_CONCURRENCY="2",
            EMBEDDED_WORKER="true",
            LOG_LEVEL="error",
            LOG_FORMAT="json",
        ) as server:
            stripe = ChaoticSide(url, server)
            yield stripe
            stripe.close()


class ChaoticSide(StripeSide):
    """A Stripe with chaos. `app` is the URL of our application."""

    def __init__(self, url, app):
        super().__init__(url, retries=5)
        self.app = app


class Person:
    """A person who performs random actions, one at a time."""

    def __init__(self, side, number):
        self.side = side
        self.chance = random.Random(number)  # noqa: S311 - the same each time
        self.bearer = {"Authorization": f"Bearer {token_for(make_user())}"}
        self.pages = []
        self.did: Counter[tuple[str, object]] = Counter()

    def act(self):
        what = self.chance.choice(
            (self.buy, self.buy, self.pay, self.change, self.cancel, self.resume, self.read)
        )
        self.did[what.__name__, what()] += 1

    def ask(self, method, path, **json):
        url = f"{self.side.app.url}/payments{path}"
        answer = plain_http().request(method, url, json=json or None, headers=self.bearer)
        return answer.status_code, answer.json()

    def buy(self):
        """Buy in two tabs. The person may also pay on a page that was opened
        earlier.
        """
        status, answer = self.ask("POST", "/checkout", plan=self.chance.choice(PLANS))
        if status == 201:
            self.pages.append(answer["url"])
            return self.pay()
        return status

    def pay(self):
        if not self.pages:
            return "no page"
        card = {
            "number": self.chance.choice(CARDS),
            "expiry": "12 / 44",
            "cvc": "123",
            "name": "Ada",
        }
        return (
            plain_http()
            .post(self.chance.choice(self.pages), data=card | {"act": "pay"})
            .status_code
        )

    def change(self):
        plan = self.chance.choice(PLANS)
        if self.chance.random() < 0.5:
            self.ask("POST", "/subscription/preview", plan=plan)
        return self.ask("POST", "/subscription/change", plan=plan)[0]

    def cancel(self):
        return self.ask("POST", "/subscription/cancel", at_period_end=self.chance.random() < 0.6)[0]

    def resume(self):
        return self.ask("POST", "/subscription/resume")[0]

    def read(self):
        return self.ask("GET", self.chance.choice(("/subscription", "/entitlements", "/invoices")))[
            0
        ]


def live(side, people, operations):
    """Perform this many random actions, by eight people at the same time. Now and then,
    some weeks pass.
    """
    rounds = 5
    each = operations // rounds // len(people)
    for _ in range(rounds):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda person: [person.act() for _ in range(each)], people))
        side.advance(seconds=int(timedelta(days=20).total_seconds()))


def calm(side):
    """End all faults, and process everything that was delayed."""
    side.chaos()
    side.control("POST", "settle", timeout_seconds=120)
    with SessionLocal() as db, db.begin():
        db.execute(
            update(Job)
            .where(Job.kind.like("payments.%"), Job.lease.is_(None))
            .values(due_at=db_clock.now())
        )
    work()


def charged_twice(side):
    """Return everything that was paid more than once and not refunded.

    Something is paid twice if two payments are for the same period, the same change, or
    the same time.
    """
    paid = list(
        side.api.invoices.list(
            {"status": "paid", "limit": 100, "expand": ["data.payments"]}
        ).auto_paging_iter()
    )
    charges = list(side.api.charges.list({"limit": 100}).auto_paging_iter())
    kept = {
        one.payment_intent: one.amount - one.amount_refunded
        for one in charges
        if one.status == "succeeded"
    }
    intents = [one.payment_intent for one in charges if one.status == "succeeded"]
    things: Counter[object] = Counter()
    for invoice in paid:
        own = (
            [one.payment.payment_intent for one in invoice.payments.data]
            if invoice.payments
            else []
        )
        if sum(kept.get(intent, 0) for intent in own):
            lines = sorted(
                (line.amount, line.period.start, line.period.end) for line in invoice.lines.data
            )
            things[
                invoice.parent.subscription_details.subscription, invoice.billing_reason, str(lines)
            ] += 1
    return [thing for thing, times in (things + Counter(intents)).items() if times > 1]


def test_a_second_charge_for_the_same_is_seen(sold_plans, stripe_side):
    """This test shows that the check can fail: a change is paid for, reverted without a
    credit, and paid for again.
    """
    user = make_user()
    subscriptions, customers = stripe_side.api.subscriptions, stripe_side.api.customers
    made = subscriptions.retrieve(subscribe(stripe_side, user, "pro"))
    (item,) = made["items"].data
    for plan in ("team", "pro", "team"):
        assert charged_twice(stripe_side) == []
        price = {"id": item.id, "price": plan_of(plan).stripe_price_id}
        how = {"proration_behavior": "always_invoice", "proration_date": item.current_period_start}
        subscriptions.update(made.id, {"items": [price], **how})
        customers.update(made.customer, {"balance": 0})
    assert len(charged_twice(stripe_side)) == 1
    newest = stripe_side.api.charges.list({"customer": made.customer}).data[0]
    stripe_side.api.refunds.create({"charge": newest.id})
    assert charged_twice(stripe_side) == []


def lives_at_stripe(side):
    return Counter(
        one.customer
        for one in side.api.subscriptions.list({"status": "all", "limit": 100}).auto_paging_iter()
        if one.status in LIVE
    )


def run(side, people, operations):
    """Return how often each action had each outcome."""
    everybody = [Person(side, number) for number in range(people)]
    side.chaos(**CHAOS)
    live(side, everybody, operations)
    calm(side)
    for _ in range(2):  # a repair may queue jobs, such as the end of a second subscription
        doctor.repair_differences(doctor.find_differences(patience=0))
        work()
    return sum((person.did for person in everybody), Counter())


def check(side, did):
    assert doctor.find_differences() == []
    assert charged_twice(side) == []
    assert set(lives_at_stripe(side).values()) <= {1}
    assert not [what for what in did if what[1] == 500], side.app.log
    assert did["buy", 303] > 0  # paid


@pytest.mark.slow
def test_after_some_chaos_all_is_in_line(side):
    check(side, run(side, people=8, operations=80))


@pytest.mark.long
@pytest.mark.only("postgresql")
def test_after_a_thousand_operations_in_chaos_all_is_in_line(side):
    did = run(side, people=40, operations=1_000)
    assert did.total() == 1_000
    assert did["change", 200] > 0
    check(side, did)
