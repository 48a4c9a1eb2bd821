"""Fixtures of the tests of faults.

Fixtures import modules that need the database themselves, because pytest may read this
file before the environment is set.
"""

import os

import pytest


@pytest.fixture(scope="module")
def server(migrated):
    """A server with the settings of a deployment.

    A deployment requires a strong database password. The test database accepts every
    password.
    """
    from sqlalchemy import make_url

    from tests.core.safe_settings import SAFE
    from tests.support.server import running_server

    database = make_url(os.environ["DATABASE_URL"]).set(password="Vx9-correct-horse")
    settings = SAFE | {
        "ENVIRONMENT": "staging",
        "DATABASE_URL": database.render_as_string(hide_password=False),
        "PUBLIC_URL": "https://localhost",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "TRUSTED_PROXIES": "127.0.0.1",
        "STRIPE_SECRET_KEY": "sk_test_51NotARealKeyButLongEnough",
        "PASSWORD_HASH_KIB": "19456",
        "METRICS_ENABLED": "true",
        "ACCEPT_RISKS": "public_metrics",
        "LOG_FORMAT": "json",
    }
    with running_server(**settings) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(server, tmp_path_factory):
    """The shipped proxy in front of `server`."""
    from tests.support.proxy import running_proxy

    with running_proxy(server, folder=tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy
