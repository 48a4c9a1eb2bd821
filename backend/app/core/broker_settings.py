"""The settings of the workers, and of the broker that wakes them."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from app.core.setting_types import comma_separated

SCHEMES = ("amqp", "amqps", "redis", "rediss")
PORTS = {"amqp": 5672, "amqps": 5671, "redis": 6379, "rediss": 6379}
# Emails and the lanes of jobs (`app.platform.models.Lane`), with the threads of a plain
# worker. Sending an email takes four round trips. With a latency of 50 ms, one
# connection sends 5 emails a second.
PLAIN_THREADS = {"mail": 8, "asked": 2, "recurring": 2, "outside": 4}
QUEUES = tuple(PLAIN_THREADS)
# Threads that send mail seldom need the database, so this many threads share a
# connection.
SENDERS_PER_CONNECTION = 4
MOST_THREADS = 64


def _broker(url: SecretStr) -> SecretStr:
    """Refuse a URL that Celery or this application does not support."""
    try:
        parts = urlsplit(url.get_secret_value())
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "must be a URL such as amqp://user:password@host:5672/vhost or "
            "redis://:password@host:6379/1, or amqps:// or rediss:// with TLS"
        )
    if parts.query:
        raise ValueError("must have no options after a question mark: this application sets them")
    return url


def _queue(item: str) -> str:
    """Return `name` or `name:threads`. Raises `ValueError` for anything else."""
    name, colon, threads = item.partition(":")
    fits = threads.isascii() and threads.isdigit() and 1 <= int(threads[:4]) <= MOST_THREADS
    if name not in QUEUES or (colon and not fits):
        raise ValueError(
            f"must list some of {', '.join(QUEUES)}, each with its number of threads "
            f"(1 to {MOST_THREADS}) if you like: mail:16,outside"
        )
    return item


class BrokerFields(BaseSettings):
    """Settings of workers, and of the broker that wakes them."""

    embedded_worker: bool | None = Field(
        None,
        description="Send mail and run jobs in the web process. On in development, without a "
        "broker.",
    )
    celery_broker_url: Annotated[SecretStr, AfterValidator(_broker)] | None = Field(
        None, description="RabbitMQ or Redis. Turns `make worker` into a Celery worker."
    )
    celery_queues: Annotated[
        list[Annotated[str, AfterValidator(_queue)]], NoDecode, comma_separated
    ] = Field(default_factory=list, description="Queues that a Celery worker serves. Empty: all.")

    @property
    def queue_threads(self) -> dict[str, int]:
        """Return the threads of each queue that a worker serves.

        A plain worker, without a broker, serves all queues.
        """
        if self.celery_broker_url is None:
            return dict(PLAIN_THREADS)
        items = (item.partition(":") for item in self.celery_queues or QUEUES)
        return {name: int(threads or PLAIN_THREADS[name]) for name, _, threads in items}

    @property
    def worker_connections(self) -> int:
        """Return the number of connections to the database that a worker needs.

        Each thread that runs jobs needs one. Threads that send mail share connections.
        """
        mail = -(-self.queue_threads.get("mail", 0) // SENDERS_PER_CONNECTION)
        return mail + sum(n for queue, n in self.queue_threads.items() if queue != "mail")

    @property
    def broker_place(self) -> str:
        """Return the host and port of the broker, without a password."""
        assert self.celery_broker_url
        parts = urlsplit(self.celery_broker_url.get_secret_value())
        return f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"
