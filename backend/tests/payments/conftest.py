"""Stripe for the tests of payments: the simulator as a process, used by stripe-python.

Fixtures import modules of the application themselves, because pytest reads this file
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
    """Settings with a key and a webhook secret, but no Stripe that would answer."""
    from tests.payments.stripe_side import KEY, SECRET

    settings(
        STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE="http://127.0.0.1:1"
    )


@pytest.fixture
def stripe_side(simulator_url, settings):
    """The simulator as the Stripe of our settings, emptied.

    Otherwise, the doctor would find what other tests have sold.
    """
    from tests.payments.stripe_side import KEY, SECRET, StripeSide, empty

    empty(simulator_url)
    settings(STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE=simulator_url)
    side = StripeSide(simulator_url)
    yield side
    side.close()


@pytest.fixture
def script(settings):
    """A scripted Stripe as the one of our settings."""
    from tests.payments.scripted import scripted_server
    from tests.payments.stripe_side import KEY, SECRET

    with scripted_server() as (script, url):
        settings(STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE=url)
        yield script


@pytest.fixture
def shown_plans(db):
    """The plans of plans.toml as rows, unknown to Stripe."""
    from tests.payments.factories import store_plans

    store_plans()


@pytest.fixture
def sold_plans(db, stripe_side):
    """The plans of plans.toml, at Stripe and as rows."""
    from tests.payments.factories import sell_plans

    sell_plans()


@pytest.fixture
def subscriber(client, login, sold_plans, stripe_side):
    """A user with a subscription to Team that we know.

    `subscriber.stripe` is its id.
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
    """`records()` returns what has been logged since, as dictionaries."""
    from app.core.config import get_settings
    from app.core.logging import configure_logging

    settings(LOG_FORMAT="json")
    stream = io.StringIO()
    configure_logging(get_settings(), stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
