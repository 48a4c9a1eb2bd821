"""Prometheus metrics of MongoDB. This module is imported only if MONGODB_URL is set."""

from prometheus_client import Counter, Histogram
from pymongo import monitoring

COMMANDS = Histogram(
    "liftoff_documents_command_seconds",
    "Duration of a MongoDB command, by command and result.",
    ["command", "result"],
)
WAITS = Histogram(
    "liftoff_documents_pool_wait_seconds", "Time that a command waited for a connection."
)
CONNECTIONS = Counter(
    "liftoff_documents_connections", "Connections to MongoDB that were opened or closed.", ["what"]
)


class CommandTimes(monitoring.CommandListener):
    def started(self, event: monitoring.CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        COMMANDS.labels(event.command_name, "ok").observe(event.duration_micros / 1e6)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        COMMANDS.labels(event.command_name, "failed").observe(event.duration_micros / 1e6)


class PoolTimes(monitoring.ConnectionPoolListener):
    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None:
        pass

    pool_ready = pool_cleared = pool_closed = pool_created  # type: ignore[assignment]
    connection_ready = connection_check_out_started = pool_created  # type: ignore[assignment]
    connection_checked_in = pool_created  # type: ignore[assignment]

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:  # noqa: ARG002 - as PyMongo calls it
        CONNECTIONS.labels("opened").inc()

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:  # noqa: ARG002 - as PyMongo calls it
        CONNECTIONS.labels("closed").inc()

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        WAITS.observe(event.duration or 0.0)

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:
        WAITS.observe(event.duration or 0.0)


def listeners() -> list[monitoring.CommandListener | monitoring.ConnectionPoolListener]:
    return [CommandTimes(), PoolTimes()]
