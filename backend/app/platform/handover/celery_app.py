"""The Celery application: its queues, its settings, and connections to the broker."""

import ssl
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from app.core.broker_settings import QUEUES
from app.core.config import get_settings

if TYPE_CHECKING:
    from celery import Celery  # type: ignore[import-untyped]

SWEEP_SECONDS = 2.0  # between two messages that Celery's beat sends to a queue
CONNECT_SECONDS = 2
ANSWER_SECONDS = 2
# A worker notices within this time that a broker no longer answers.
HEARTBEAT_SECONDS = 20


_making = Lock()


def celery_app() -> "Celery":
    """Return the Celery application. The first call takes a third of a second.

    If two threads imported Celery at the same time, one of them would find the module
    incomplete and raise `ImportError`.
    """
    with _making:
        return make_app()


@lru_cache
def make_app() -> "Celery":
    """Make the application. Call `celery_app` instead."""
    from celery import Celery  # imported here, because it is large and rarely needed

    url = get_settings().celery_broker_url
    assert url
    app = Celery("liftoff", broker=url.get_secret_value(), set_as_current=False)
    app.conf.update(
        _queues() | _connections(url.get_secret_value()),
        enable_utc=True,
        task_ignore_result=True,
        result_expires=None,
        accept_content=["json"],
        worker_hijack_root_logger=False,
        worker_send_task_events=True,
        worker_prefetch_multiplier=1,
    )
    return app


def queue_name(queue: str) -> str:
    """Return the name of a queue at the broker. The queue's task has the same name."""
    return f"liftoff.{queue}"


class Call:
    """A connection to the broker and its channel. Every call on them ends within a few
    seconds.

    Workers use other connections, which wait for messages. So the connections of
    workers cannot have such limits.
    """

    def __init__(self) -> None:
        app = celery_app()
        self.connection: Any = app.connection_for_write(
            connect_timeout=CONNECT_SECONDS,
            heartbeat=0,
            transport_options=app.conf.broker_transport_options | _limits(app.conf.broker_url),
        )
        try:
            self.connection.ensure_connection(max_retries=1, interval_start=0, interval_max=0)
            self.channel: Any = self.connection.channel()
        except BaseException:
            self.hang_up()
            raise

    def waiting(self, queue: str) -> int:
        """Return the number of messages that wait in this queue."""
        name = queue_name(queue)
        found = self.channel.queue_declare(queue=name, durable=True, auto_delete=False)
        return int(found.message_count)

    def send(self, queue: str) -> None:
        name = queue_name(queue)
        with self.connection.Producer(self.channel, auto_declare=False) as producer:
            celery_app().send_task(name, queue=name, producer=producer, retry=False)

    def hang_up(self) -> None:
        """Close the socket without a closing handshake, which the broker might not
        answer.
        """
        self.connection.collect()


def _limits(url: str) -> dict[str, Any]:
    if url.startswith("redis"):
        return {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": CONNECT_SECONDS}
    return {"read_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}


def _queues() -> dict[str, Any]:
    """Return one durable queue for each class of work.

    Messages are not written to disk, because a lost message does no harm.
    """
    from kombu import entity

    made: Any = entity  # this module has no type annotations
    names = [queue_name(queue) for queue in QUEUES]
    return {
        "task_queues": [made.Queue(name, made.Exchange(name), routing_key=name) for name in names],
        "task_default_queue": queue_name("asked"),
        "task_default_delivery_mode": "transient",
        "task_create_missing_queues": False,
    }


def _connections(url: str) -> dict[str, Any]:
    """Return the settings of connections to this broker.

    A worker never stops trying to connect. Certificates are verified.
    """
    tls: dict[str, Any] | None = None
    if url.startswith("amqps:"):
        tls = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}
    elif url.startswith("rediss:"):
        tls = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return {
        "broker_use_ssl": tls,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": CONNECT_SECONDS,
        "broker_heartbeat": HEARTBEAT_SECONDS,
        "broker_transport_options": {"socket_keepalive": True} if url.startswith("redis") else {},
    }
