"""The state of the broker, for readiness, metrics and `make doctor`."""

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.core.broker_settings import QUEUES
from app.core.config import get_settings

from .celery_app import ANSWER_SECONDS, CONNECT_SECONDS, Call, celery_app


class BrokerUnavailable(Exception):
    """The broker cannot be reached, refuses us, or does not answer in time."""


class Broker:
    """A connection to the broker that stays open between two checks.

    RabbitMQ logs each connection, so a check must not open a new one each time.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._call: Call | None = None

    def waiting(self) -> dict[str, int]:
        """Return the number of messages that wait in each queue.

        Raises `BrokerUnavailable` within a few seconds.
        """
        if not self._lock.acquire(timeout=CONNECT_SECONDS + ANSWER_SECONDS):
            raise BrokerUnavailable("The broker does not answer")
        try:
            return self._ask()
        except Exception as error:
            self._drop()
            raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _ask(self) -> dict[str, int]:
        if self._call is None:
            self._call = Call()
        return {queue: self._call.waiting(queue) for queue in QUEUES}

    def _drop(self) -> None:
        call, self._call = self._call, None
        if call:
            call.hang_up()


@lru_cache
def broker() -> Broker:
    """Return the connection that the checks of this process share."""
    return Broker()


def names_of_workers() -> list[str]:
    """Return the names of the Celery workers that answer within a second.

    Raises `BrokerUnavailable`.
    """
    try:
        call = Call()
        try:
            answers = celery_app().control.ping(connection=call.connection)
        finally:
            call.hang_up()
    except Exception as error:
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
    return sorted(name for answer in answers for name in answer)


class BrokerMetrics(Collector):
    """The state of the broker as metrics. Each scrape asks the broker."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("liftoff_broker_up", "1 if the broker answers, otherwise 0.")
        waiting = GaugeMetricFamily(
            "liftoff_broker_waiting",
            "Number of messages at the broker that wait for a worker.",
            labels=["queue"],
        )
        if get_settings().celery_broker_url:
            found = _found()
            up.add_metric([], float(bool(found)))
            for queue, number in found.items():
                waiting.add_metric([queue], number)
        yield from (up, waiting)


def _found() -> dict[str, int]:
    """Return the number of waiting messages by queue.

    The result is empty if the broker does not answer.
    """
    try:
        return broker().waiting()
    except BrokerUnavailable:
        return {}


registry = CollectorRegistry()
registry.register(BrokerMetrics())
