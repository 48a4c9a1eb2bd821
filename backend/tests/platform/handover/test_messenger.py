"""The application sends few messages to workers.

A separate thread sends the messages, and drops them if no broker answers.
"""

import subprocess
import sys

import pytest
from redis import Redis

from app.core.config import BACKEND
from app.platform.handover import messenger as messages
from app.platform.handover.broker import Broker, BrokerUnavailable, names_of_workers
from app.platform.handover.celery_app import queue_name
from app.platform.handover.messenger import ENOUGH, Messenger, tell_workers
from tests.support.freezer import freezer
from tests.support.smtp import wait_until

LIBRARIES = "{'celery', 'kombu', 'amqp', 'billiard'} & sys.modules.keys()"


@pytest.fixture(autouse=True)
def short_pause(monkeypatch):
    monkeypatch.setattr(messages, "PAUSE_SECONDS", 0.05)


def loaded(code, **variables):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, app.main; {code}; print({LIBRARIES} or 'none')"],
        cwd=BACKEND,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def counted(outcome):
    return messages.messages.labels("mail", outcome)._value.get()  # noqa: SLF001 - no other reading


def test_celery_is_loaded_only_to_send_the_first_message(settings):
    assert loaded("app.platform.handover.messenger.tell_workers('mail')") == "none"
    settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    assert loaded("pass") == "none"


def test_threads_may_load_celery_at_the_same_time(settings):
    settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    code = (
        "from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "from app.platform.handover.celery_app import celery_app\n"
        "made = list(Pool(8).map(lambda _: celery_app(), range(8)))\n"
        "assert len(set(map(id, made))) == 1"
    )
    assert "celery" in loaded(f"exec({code!r})")


def test_a_message_says_look_and_holds_no_data(redis_broker):
    own = Messenger()
    own.note("mail")
    broker = Broker()
    wait_until(lambda: broker.waiting()["mail"] == 1)
    with Redis.from_url(redis_broker.url, decode_responses=True) as redis:
        (message,) = redis.lrange(queue_name("mail"), 0, -1)
        assert redis.keys(f"*{queue_name('asked')}*") == [], "it went to one queue"
    assert '"task": "liftoff.mail"' in message
    assert "W1tdLCB7fSwg" in message, "base64 of `[[], {}, `, so there are no arguments"
    broker.close()


def test_noting_never_waits_for_a_broker_that_never_answers(use_broker):
    """The messenger takes a thousand notes while the first message is on its way.

    All these notes share the second message, unless the machine delays this test. After
    the second message, the thread rests. So it reads no settings while the next test
    changes them.
    """
    with freezer() as frozen:
        use_broker(f"redis://127.0.0.1:{frozen.port}/0")
        own = Messenger()
        lost = counted("lost")
        own.note("mail")
        wait_until(lambda: frozen.connections)
        for _ in range(1000):
            own.note("mail")
        wait_until(lambda: counted("lost") >= lost + 2)
        assert counted("lost") - lost < 10, "a thousand notes are a few messages"


def test_messages_go_on_when_the_broker_is_back(redis_broker):
    own, broker = Messenger(), Broker()
    own.note("mail")
    wait_until(lambda: broker.waiting()["mail"] == 1)
    redis_broker.kill()
    lost = counted("lost")
    own.note("mail")
    wait_until(lambda: counted("lost") > lost)
    with pytest.raises(BrokerUnavailable):
        broker.waiting()
    with pytest.raises(BrokerUnavailable):
        names_of_workers()
    redis_broker.start()
    own.note("mail")
    wait_until(lambda: broker.waiting()["mail"] == 1)
    broker.close()


def test_without_workers_messages_do_not_fill_the_broker(redis_broker):
    own, broker = Messenger(), Broker()
    own.note("mail")
    wait_until(lambda: broker.waiting()["mail"] == 1)
    with Redis.from_url(redis_broker.url) as redis:
        (message,) = redis.lrange(queue_name("mail"), 0, -1)
        redis.rpush(queue_name("mail"), *[message] * (ENOUGH - 1))
    spared = counted("spared")
    own.note("mail")
    wait_until(lambda: counted("spared") == spared + 1)
    assert broker.waiting()["mail"] == ENOUGH
    broker.close()


def test_without_a_broker_nothing_is_noted(monkeypatch):
    def note(queue):
        raise AssertionError(queue)

    monkeypatch.setattr(messages.messenger, "note", note)
    tell_workers("mail")
