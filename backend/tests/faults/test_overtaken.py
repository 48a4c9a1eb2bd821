"""R21: an account ends while a request of it is on its way. Real processes, real times, and no effect afterwards.

Each race has a user of its own. One thread sends the request, another ends the account some milliseconds later, at a
moment that moves from race to race; Stripe is slow enough for all of a checkout's steps to be met.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import func, select, update

from app.core.types import now
from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.auth.models import Identity, LoginSession, OneTimeToken, Totp, User
from app.routers.blog.models import BlogPost
from app.routers.payments import doctor
from app.routers.payments.gateway.client import http
from app.routers.payments.models import CheckoutAttempt, Customer
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.faults.figures import record
from tests.payments.factories import sell_plans
from tests.payments.steps import work
from tests.payments.stripe_side import KEY, SECRET, StripeSide, empty, plain_http, simulator_process
from tests.support.server import running_server

pytestmark = [pytest.mark.faults, pytest.mark.only("postgresql", "mysql")]
tokens: dict[int, str] = {}  # of the people of the test, by id


@pytest.fixture(params=[6, pytest.param(24, marks=pytest.mark.long)])
def races(request):
    """How many of each: some in CI, more where there is time."""
    return request.param


@pytest.fixture(scope="module")
def stripe_url():
    with simulator_process() as url:
        yield url
    http().close()
    plain_http().close()


@pytest.fixture(scope="module")
def server(migrated, stripe_url):
    stripe = {"STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_BASE": stripe_url}
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
            method, server.url + path, headers={"Authorization": f"Bearer {tokens[user.id]}"}, **sent
        )


def people(number):
    users = [make_user(is_superuser=True) for _ in range(number)]
    tokens.update({user.id: token_for(user) for user in users})
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
    """The code of the answer. After a negative delay the end of the account came first."""
    with ThreadPoolExecutor(2) as threads:
        first, second = (request, end) if delay > 0 else (end, request)
        both = {first: threads.submit(first, api, user)}
        time.sleep(abs(delay))
        both[second] = threads.submit(second, api, user)
        both[end].result(60)
        return both[request].result(60).status_code


def raced(api, races, request, end, moments):
    """One after the other, at moments spread over what the request takes."""
    chance = random.Random(21)  # noqa: S311 - the same moments each time
    users = people(races)
    codes = [race(api, user, request, end, chance.uniform(*moments)) for user in users]
    assert set(codes) <= {200, 201, 204, 401, 403}, codes
    return users, codes


def buy(api, user):
    return api("POST", "/payments/checkout", user, json={"plan": "team"})


def manage(api, user):
    buy(api, user)
    return api("POST", "/payments/portal", user)


def write(api, user):
    return api("POST", "/blog/posts", user, json={"title": f"By {user.username}", "content": "x" * 20_000})


def categorise(api, user):
    return api("POST", "/blog/categories", user, json={"name": f"Of {user.username}"})


def rest(users):
    """What of deleted users there is at Stripe and here, when every job has had its time."""
    for _ in range(4):
        with SessionLocal() as db, db.begin():
            soon = Job.kind.in_(["payments.forget_customer", "payments.look"])
            db.execute(update(Job).where(soon, Job.due_at.is_not(None)).values(due_at=now()))
        work()
    return doctor.examine(patience=0)


@pytest.mark.parametrize("request_", [buy, manage], ids=lambda it: it.__name__)
def test_a_deletion_that_overtakes_stripe_leaves_nothing_there(api, stripe, races, request_):
    stripe.chaos(calls={"slow": 1, "slow_seconds": 0.02})
    users, codes = raced(api, races, request_, delete, (0, 0.35))
    stripe.chaos()
    left = rest(users)
    emails = {user.email for user in users}
    known = [one.id for one in stripe.api.customers.list({"limit": 100}).auto_paging_iter() if one.email in emails]
    pages = [one.id for one in stripe.api.checkout.sessions.list({"limit": 100, "status": "open"}).auto_paging_iter()]
    with SessionLocal() as db:
        attempts = db.scalar(select(func.count(CheckoutAttempt.open_customer_id)))
        addresses = db.scalar(select(func.count(Customer.id)).where(Customer.email != ""))
    after = len(known) + len(pages) + (attempts or 0) + (addresses or 0)
    measured = f"{after} effects after {races} deletions; {codes.count(401)} of {races} requests refused"
    record("R21", f"a deletion overtakes {request_.__name__}: nothing is left at Stripe", measured)
    assert (known, pages, attempts, addresses, left) == ([], [], 0, 0, [])


@pytest.mark.parametrize("end", [delete, disable, demote], ids=lambda it: it.__name__)
@pytest.mark.parametrize("request_", [write, categorise], ids=lambda it: it.__name__)
def test_what_overtakes_a_write_finds_it_done_or_prevents_it(api, races, request_, end):
    """An effect is there when its request was answered 2xx, and its row is older than what ended the account."""
    users, codes = raced(api, races, request_, end, (-0.06, 0.03))
    late = 0
    with SessionLocal() as db:
        for user, code in zip(users, codes, strict=True):
            ended = db.get_one(User, user.id).updated_at
            post = db.scalar(select(BlogPost).where(BlogPost.author_id == user.id))
            if request_ is write:
                assert (post is not None) == (code == 201), code
                late += post is not None and end is delete and post.created_at > ended
    refused = len([code for code in codes if code in (401, 403)])
    record(
        "R21",
        f"{end.__name__} overtakes {request_.__name__}: no effect afterwards",
        f"{late} of {races} late; {refused} refused",
    )
    assert late == 0


def test_nothing_lets_anybody_into_a_deleted_account(api, races):
    """Sign-ins, refreshes and second factors that a deletion overtakes."""

    def sign_in(api, user):
        return api("POST", "/auth/token", user, data={"username": user.email, "password": PASSWORD})

    def set_up(api, user):
        return api("POST", "/auth/mfa/totp", user, json={"password": PASSWORD})

    left = 0
    for request in (sign_in, set_up):
        users, _ = raced(api, races, request, delete, (-0.06, 0.03))
        with SessionLocal() as db:
            for table in (LoginSession, OneTimeToken, Identity, Totp):
                ids = [user.id for user in users]
                left += db.scalar(select(func.count(table.id)).where(table.user_id.in_(ids))) or 0
    record("R21", "a deletion overtakes sign-in and set-up of a second factor", f"{left} ways in after {2 * races}")
    assert left == 0
