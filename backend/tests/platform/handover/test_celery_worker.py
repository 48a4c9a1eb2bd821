"""Celery workers run as processes, with RabbitMQ and with Redis."""

import signal
from threading import Event

import httpx2
import pytest
from sqlalchemy import select

from app.core.broker_settings import QUEUES
from app.db.database import SessionLocal
from app.platform.jobs.worker_threads import THREADS, crews
from app.platform.mail import queue_mail
from app.platform.models import Lane, Mail
from tests.platform.doctor.test_checks import run, state
from tests.support.server import free_port, running_server
from tests.support.smtp import wait_until
from tests.support.workers import workers

pytestmark = pytest.mark.only("postgresql")
PERSON = {"username": "ada", "email": "ada@example.com", "password": "correct horse battery"}


def mails():
    with SessionLocal() as db:
        return list(db.scalars(select(Mail).order_by(Mail.id)))


def end(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def ready(server):
    return httpx2.get(f"{server.url}/health/ready", timeout=30).json()["checks"]


def register(server):
    assert httpx2.post(f"{server.url}/auth/register", json=PERSON, timeout=30).status_code == 202


def sent_messages(server):
    lines = httpx2.get(f"{server.url}/metrics", timeout=30).text.splitlines()
    found = [line for line in lines if line.startswith("liftoff_broker_messages_total")]
    return {line.partition("{")[2].partition("}")[0] for line in found}


@pytest.mark.parametrize("broker", ["redis_broker", "rabbitmq"])
def test_a_celery_worker_does_the_work_of_requests(committed, smtp, broker, request):
    request.getfixturevalue(broker)
    with running_server(METRICS_ENABLED="true") as server, workers(1) as (running, logs):
        register(server)
        wait_until(lambda: smtp.taken)
        wait_until(lambda: all(mail.sent_at for mail in mails()))
        assert sent_messages(server) == {'outcome="sent",queue="asked"'}
        assert ready(server)["broker"] == "ok"
        wait_until(lambda: state("broker") == "ok")
        assert end(running[0]) == 0, logs[0].read_text()
        assert "worker_stopped" in logs[0].read_text()
        assert "kind=purge.mails" in logs[0].read_text(), "beat wakes recurring jobs"
    assert list(smtp.times_taken().values()) == [1]


def test_a_row_whose_message_was_lost_is_found(committed, smtp, redis_broker, use_broker):
    use_broker("")
    with SessionLocal() as db, db.begin():
        queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
    use_broker(redis_broker.url)
    with workers(1):
        wait_until(lambda: smtp.taken)


def test_doctor_warns_if_no_worker_answers(migrated, redis_broker):
    found = run("broker")
    assert found
    assert (found.state, "No Celery worker" in found.detail) == ("warning", True)


def test_a_broker_that_does_not_answer_is_a_failure(migrated, use_broker):
    use_broker(f"amqp://liftoff:hunter2@127.0.0.1:{free_port()}//")
    found = run("broker")
    assert found
    assert (found.state, "hunter2" in found.detail) == ("failure", False)


def test_a_celery_worker_serves_only_its_queues(settings):
    settings(CELERY_QUEUES="recurring,mail:1")
    assert len(served()) == len(QUEUES), "without a broker there are no queues"
    settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    assert served() == {"mail": 1, "recurring": THREADS[Lane.RECURRING]}


def served():
    return {crew.bell.queue: crew.threads for crew in crews(Event())}
