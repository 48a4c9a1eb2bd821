"""Stripe for the tests of payments: the simulator as a process, used by stripe-python.

The fixtures import the application inside functions, because pytest reads this file
before the environment is set.
"""

import io
import json

import pytest


@pytest.fixture(scope="session")
def simulator_url():
    from tests.payments.stripe_side import simulator_process

    with simulator_process() as url:
        yield url


@pytest.fixture(scope="session", autouse=True)
def _connections_end():
    from app.routers.payments.gateway.client import http
    from tests.payments.stripe_side import plain_http

    yield
    http().close()
    plain_http().close()


@pytest.fixture
def billing(settings):
    """Settings with an API key and a webhook secret. The address of Stripe in them does
    not respond.
    """
    from tests.payments.stripe_side import KEY, SECRET

    settings(
        STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE="http://127.0.0.1:1"
    )


@pytest.fixture
def stripe_side(simulator_url, settings):
    """Point our settings to the simulator, and remove everything from the simulator.

    If it were not empty, the doctor would find the sales of other tests.
    """
    from tests.payments.stripe_side import KEY, SECRET, StripeSide, empty

    empty(simulator_url)
    settings(STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE=simulator_url)
    side = StripeSide(simulator_url)
    yield side
    side.close()


@pytest.fixture
def script(settings):
    """Run a scripted Stripe, and point our settings to it."""
    from tests.payments.scripted import scripted_server
    from tests.payments.stripe_side import KEY, SECRET

    with scripted_server() as (script, url):
        settings(STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE=url)
        yield script


@pytest.fixture
def shown_plans(db):
    """Store the plans of plans.toml as rows. Stripe does not know them."""
    from tests.payments.factories import store_plans

    store_plans()


@pytest.fixture
def sold_plans(db, stripe_side):
    """Create the plans of plans.toml at Stripe and as rows."""
    from tests.payments.factories import sell_plans

    sell_plans()


@pytest.fixture
def buyer(sold_plans, login):
    """A user who is signed in and has bought nothing yet."""
    from tests.auth.factories import make_user

    return login(make_user())


@pytest.fixture
def user(shown_plans, db):
    """A user. The plan Pro has the same price as `tests.payments.seen.subscription`."""
    from sqlalchemy import update

    from app.routers.payments.models import Plan
    from tests.auth.factories import make_user

    db.execute(update(Plan).where(Plan.slug == "pro").values(stripe_price_id="price_1"))
    db.commit()
    return make_user()


@pytest.fixture
def customer(user):
    """The row of `user` as a customer of Stripe."""
    from tests.payments.factories import make_customer

    return make_customer(user)


@pytest.fixture
def subscriber(client, login, sold_plans, stripe_side):
    """A user with a subscription to Team, at Stripe and in our rows.

    `subscriber.stripe` is the id of the subscription.
    """
    from tests.auth.factories import make_user
    from tests.payments.steps import subscribe, told

    user = login(make_user())
    made = subscribe(stripe_side, user)
    told(client, stripe_side, user)
    user.stripe = made
    return user


@pytest.fixture
def records(settings):
    """`records()` returns the records that were logged since the start of the test, as
    dictionaries.
    """
    from app.core.config import get_settings
    from app.core.logging import configure_logging

    settings(LOG_FORMAT="json")
    stream = io.StringIO()
    configure_logging(get_settings(), stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
