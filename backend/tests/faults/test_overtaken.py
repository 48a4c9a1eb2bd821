"""A request has no effect if its account ends while the request is running (R21).

The tests use real processes and real time. Each race has its own user:

    thread 1   request ───── database ───── Stripe ───── database ───── response
    thread 2      ↑ end the account here, or here ↑, or here ↑ …

Each race ends the account at a different moment. Stripe is slow, so that the account
ends during every step of a checkout.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import func, select, update

from app.core.types import utc_now
from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.auth.models import Identity, LoginSession, OneTimeToken, Totp, User
from app.routers.blog.models import BlogCategory, BlogPost
from app.routers.payments.gateway.client import http
from app.routers.payments.models import CheckoutAttempt, Customer
from app.routers.payments.operations import doctor
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.faults.figures import record
from tests.payments.factories import sell_plans
from tests.payments.steps import work
from tests.payments.stripe_side import KEY, SECRET, StripeSide, empty, plain_http, simulator_process
from tests.support.server import running_server

TOKENS: dict[int, str] = {}  # each user's access token; the users sign in before the races begin
pytestmark = [pytest.mark.faults, pytest.mark.only("postgresql", "mysql")]


@pytest.fixture(params=[6, pytest.param(24, marks=pytest.mark.long)])
def races(request):
    """The numbers of the races. There are a few in CI, and more with `make
    check-long`.
    """
    return request.param


@pytest.fixture(scope="module")
def stripe_url():
    with simulator_process() as url:
        yield url
    http().close()
    plain_http().close()


@pytest.fixture(scope="module")
def server(migrated, stripe_url):
    stripe = {
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_API_BASE": stripe_url,
    }
    with running_server(EMBEDDED_WORKER="false", WRITES_PER_MINUTE="0", **stripe) as running:
        yield running


@pytest.fixture
def stripe(stripe_url, settings):
    settings(STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE=stripe_url)
    side = StripeSide(stripe_url)
    yield side
    side.close()


@pytest.fixture
def api(committed, stripe, server):
    empty(stripe.url)
    sell_plans()
    with httpx2.Client(timeout=60) as client:
        yield lambda method, path, user, **sent: client.request(
            method,
            server.url + path,
            headers={"Authorization": f"Bearer {TOKENS[user.id]}"},
            **sent,
        )


def people(number):
    users = [make_user(is_superuser=True) for _ in range(number)]
    TOKENS.update({user.id: token_for(user) for user in users})
    return users


def delete(api, user):
    answer = api("POST", "/auth/delete-account", user, json={"password": PASSWORD})
    assert answer.status_code == 204, answer.text


def disable(_api, user):
    with SessionLocal() as db, db.begin():
        db.execute(update(User).where(User.id == user.id).values(is_active=False))


def demote(_api, user):
    with SessionLocal() as db, db.begin():
        db.execute(update(User).where(User.id == user.id).values(is_superuser=False))


def race(api, user, request, end, delay):
    """Return the status of the response, and the time at which the account had ended.

    If the delay is negative, the end of the account begins before the request.
    """

    def ended():
        end(api, user)
        return utc_now()

    with ThreadPoolExecutor(2) as threads:
        calls = [ended, lambda: request(api, user).status_code]
        begun = threads.submit(calls[delay > 0])
        time.sleep(abs(delay))
        second = threads.submit(calls[delay <= 0])
        moment, code = (second, begun) if delay > 0 else (begun, second)
        return code.result(60), moment.result(60)


def raced(api, races, request, end):
    """Run the races one after the other. In each race, the account ends at a random
    moment of the request.

    In some races, the account ends before the request begins.
    """
    chance = random.Random(21)  # noqa: S311 - the same spread each time
    calm, *users = people(races + 1)
    began = time.monotonic()
    assert request(api, calm).is_success
    took = time.monotonic() - began
    outcomes = [race(api, user, request, end, chance.uniform(-0.5 * took, took)) for user in users]
    codes = [code for code, _ in outcomes]
    assert set(codes) <= {200, 201, 204, 401, 403}, codes
    delete(api, calm)
    return users, outcomes


def refused(outcomes):
    return sum(code in (401, 403) for code, _ in outcomes)


def buy(api, user):
    return api("POST", "/payments/checkout", user, json={"plan": "team"})


def manage(api, user):
    buy(api, user)
    return api("POST", "/payments/portal", user)


def write(api, user):
    return api(
        "POST", "/blog/posts", user, json={"title": f"By {user.username}", "content": "x" * 20_000}
    )


def categorise(api, user):
    return api("POST", "/blog/categories", user, json={"name": f"Of {user.username}"})


def rest():
    """Run every job, and return the problems that `make doctor` then finds."""
    for _ in range(4):
        with SessionLocal() as db, db.begin():
            soon = Job.kind.in_(["payments.forget_customer", "payments.sync_payer"])
            db.execute(
                update(Job).where(soon, Job.due_at.is_not(None)).values(due_at=db_clock.now())
            )
        work()
    return doctor.find_differences(patience=0)


@pytest.mark.parametrize("request_", [buy, manage], ids=lambda it: it.__name__)
def test_a_deletion_that_overtakes_stripe_leaves_nothing_there(api, stripe, races, request_):
    stripe.chaos(calls={"slow": 1, "slow_seconds": 0.02})
    _, outcomes = raced(api, races, request_, delete)
    stripe.chaos()
    differences = rest()
    known = [one.id for one in stripe.api.customers.list({"limit": 100}).auto_paging_iter()]
    pages = [
        one.id
        for one in stripe.api.checkout.sessions.list(
            {"limit": 100, "status": "open"}
        ).auto_paging_iter()
    ]
    with SessionLocal() as db:
        attempts = db.scalar(select(func.count(CheckoutAttempt.open_customer_id))) or 0
        addresses = db.scalar(select(func.count(Customer.id)).where(Customer.email != "")) or 0
    left = len(known) + len(pages) + attempts + addresses
    figure = f"{left} effects after {races} deletions; {refused(outcomes)} requests refused"
    record("R21", f"a deletion overtakes {request_.__name__}: nothing is left at Stripe", figure)
    assert (known, pages, attempts, addresses, differences) == ([], [], 0, 0, [])


def written(request, user):
    """Return the time at which the row of the request was written, or `None`."""
    post = select(BlogPost.created_at).where(BlogPost.author_id == user.id)
    category = select(BlogCategory.created_at).where(BlogCategory.name == f"Of {user.username}")
    with SessionLocal() as db:
        return db.scalar(post if request is write else category)


@pytest.mark.parametrize(
    ("request_", "end"),
    [
        (write, delete),
        (write, disable),
        (categorise, delete),
        (categorise, disable),
        (categorise, demote),
    ],
    ids=lambda it: it.__name__,
)
def test_what_overtakes_a_write_finds_it_done_or_prevents_it(api, races, request_, end):
    users, outcomes = raced(api, races, request_, end)
    late = 0
    for user, (code, ended) in zip(users, outcomes, strict=True):
        at = written(request_, user)
        assert (at is not None) == (code == 201)
        late += at is not None and at > ended
    figure = f"{late} of {races} effects came later; {refused(outcomes)} requests refused"
    record("R21", f"{end.__name__} overtakes {request_.__name__}: no effect afterwards", figure)
    assert late == 0


def sign_in(api, user):
    return api("POST", "/auth/token", user, data={"username": user.email, "password": PASSWORD})


def set_up(api, user):
    return api("POST", "/auth/mfa/totp", user, json={"password": PASSWORD})


@pytest.mark.parametrize("request_", [sign_in, set_up], ids=lambda it: it.__name__)
def test_nothing_lets_anybody_into_a_deleted_account(api, races, request_):
    users, outcomes = raced(api, races, request_, delete)
    ids = [user.id for user in users]
    with SessionLocal() as db:
        tables = (LoginSession, OneTimeToken, Identity, Totp)
        left = sum(
            db.scalar(select(func.count(table.id)).where(table.user_id.in_(ids))) or 0
            for table in tables
        )
    figure = f"{left} ways in after {races} deletions; {refused(outcomes)} requests refused"
    record("R21", f"a deletion overtakes {request_.__name__}", figure)
    assert left == 0
