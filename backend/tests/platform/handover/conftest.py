"""Point the settings to real message brokers."""

import os

import pytest


@pytest.fixture
def use_broker(settings):
    """`use_broker(url)` changes the broker of this process until the test ends."""
    from app.platform.handover.broker import broker
    from app.platform.handover.celery_app import make_app

    def forget():
        if broker.cache_info().currsize:
            broker().close()
        make_app.cache_clear()
        broker.cache_clear()

    def use(url):
        settings(CELERY_BROKER_URL=url)
        forget()

    yield use
    forget()


@pytest.fixture
def redis_broker(use_broker):
    """A Redis that only this test uses, so the test may kill it."""
    from tests.support.brokers import own_broker

    with own_broker("redis") as own:
        use_broker(own.url)
        yield own


@pytest.fixture
def rabbitmq(use_broker):
    """The RabbitMQ of this machine, which other tests use at the same time.

    So a message of this test may wake a worker of another test. The sweep must then
    find the row.
    """
    from tests.support.services import required

    use_broker(required(os.environ.get("RABBITMQ_TEST_URL"), "RABBITMQ_TEST_URL is not set"))
