"""Prometheus metrics of reads from replicas, and of the state of each replica."""

from prometheus_client import Counter, Gauge

from app.db.replicas import Replica, replicas

STATES = ("ok", "late", "unreachable", "promoted", "another cluster")

USES = Counter("liftoff_replica_reads", "Number of requests that read from a replica.", ["replica"])
PRIMARY = Counter(
    "liftoff_replica_fallbacks",
    "Number of reads for which no replica could be used, by reason.",
    ["reason"],
)
FAILURES = Counter(
    "liftoff_replica_failures",
    "Number of queries that failed at a replica and were repeated at the primary.",
    ["replica"],
)
LAG = Gauge(
    "liftoff_replica_lag_seconds",
    "Seconds by which a replica is behind the primary.",
    ["replica"],
    multiprocess_mode="livemax",
)
STATE = Gauge(
    "liftoff_replica_state",
    "1 for the current state of a replica, and 0 for all other states.",
    ["replica", "state"],
    multiprocess_mode="livemax",
)


def note_use(replica: Replica) -> None:
    USES.labels(replica.name).inc()


def note_primary(reason: str) -> None:
    PRIMARY.labels(reason).inc()


def note_failure(replica: Replica) -> None:
    """Count a failed query, and do not use the replica until it responds again."""
    replica.note_failure()
    FAILURES.labels(replica.name).inc()


def sample() -> None:
    """Set the gauges to the current values of this process."""
    for replica in replicas().all:
        LAG.labels(replica.name).set(replica.lag)
        for state in STATES:
            STATE.labels(replica.name, state).set(replica.state == state)
