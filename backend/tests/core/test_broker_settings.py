"""Settings of the broker, and the values that they refuse."""

import pytest

from app.core.broker_settings import PLAIN_THREADS
from tests.core.safe_settings import SAFE, complaint

DEVELOPMENT = {"ENVIRONMENT": "development", "SECRET_KEY": SAFE["SECRET_KEY"]}


@pytest.mark.parametrize(
    "url",
    [
        "localhost:5672",
        "amqp://",
        "http://broker/",
        "redis://broker:0",
        "redis://broker/?socket_timeout=60",
        "sqs://key:secret@",
    ],
)
def test_a_broker_url_that_celery_cannot_use_is_refused(environment, url):
    assert "CELERY_BROKER_URL" in complaint(environment, CELERY_BROKER_URL=url)


@pytest.mark.parametrize("given", ["post", "mail:", "mail:0", "mail:65", "mail:9999999", "mail:x"])
def test_an_unknown_queue_or_number_of_threads_is_refused(environment, given):
    assert "CELERY_QUEUES" in complaint(environment, CELERY_QUEUES=given)


def test_queues_may_have_numbers_of_threads(environment):
    given = {**DEVELOPMENT, "CELERY_QUEUES": "mail:17, outside"}
    settings = environment(**given, CELERY_BROKER_URL="amqp://guest:guest@localhost//")
    assert settings.queue_threads == {"mail": 17, "outside": PLAIN_THREADS["outside"]}
    assert settings.worker_connections == 5 + 4, "four senders share a connection"
    plain = environment(**given, CELERY_BROKER_URL="")
    assert plain.queue_threads == PLAIN_THREADS, "a plain worker serves everything"
    assert plain.worker_connections == 10


def test_with_a_broker_development_leaves_work_to_the_worker(environment):
    assert environment(**DEVELOPMENT).embedded_worker
    broker = {"CELERY_BROKER_URL": "amqp://guest:guest@localhost//"}
    assert not environment(**DEVELOPMENT, **broker).embedded_worker
    assert environment(**DEVELOPMENT, **broker, EMBEDDED_WORKER="true").embedded_worker


def test_the_place_of_the_broker_shows_no_password(environment):
    broker = {"CELERY_BROKER_URL": "amqps://liftoff:Vx9-correct@mq.example.com/liftoff"}
    assert environment(**DEVELOPMENT, **broker).broker_place == "mq.example.com:5671"
