"""Prometheus metrics: how long requests take, by route and status.

All processes on a host write their counters into one folder.
"""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Scope

from app.db import documents
from app.platform.handover import broker

from . import backlog, metrics_files, process_metrics, purge_metrics

FOUND = "liftoff.route"  # the key in the scope where the route index puts the matching route
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

seconds = Histogram(
    "http_request_duration_seconds",
    "Time to respond to a request.",
    ["method", "route", "status"],
    buckets=BUCKETS,
)
router = APIRouter()


def count_request(method: str, route: str, status: int, duration: float) -> None:
    """Count one request under the labels from `labels_of`."""
    _series(method, route, status).observe(duration)


def request_durations() -> list[Metric]:
    """Return the durations of the requests of this process, by route."""
    return list(seconds.collect())


def labels_of(scope: Scope) -> tuple[str, str]:
    """Return the method of a request, and the path template of its route.

    Actual paths and methods would create an unlimited number of series.
    """
    method = scope["method"] if scope["method"] in METHODS else "other"
    return method, _template(scope)


# The cache stays small: it has one entry for each combination of route, method and
# status that occurs.
@cache
def _series(method: str, route: str, status: int) -> Histogram:
    return seconds.labels(method, route, status)


def _template(scope: Scope) -> str:
    """Return the full path template of the route, including the prefixes of its
    routers.

    If FastAPI itself found the route, those prefixes can only be read from the path of
    the request.
    """
    if FOUND in scope:
        return str(scope[FOUND].path)
    own: str | None = getattr(scope.get("route"), "path", None)
    if own is None:
        return "none"
    return "/".join(scope["path"].split("/")[: -own.count("/")]) + own


def _document_listeners() -> Sequence[Any]:
    from . import document_metrics

    return document_metrics.listeners()


documents.watch_documents(_document_listeners)


@router.get("/metrics", include_in_schema=False)
def read_metrics() -> Response:
    process_metrics.sample_for_scrape()
    asked = (backlog.registry, purge_metrics.registry, broker.registry)
    written = _written() + b"".join(map(generate_latest, asked))
    return Response(written, media_type=CONTENT_TYPE_LATEST)


def metrics_application() -> Starlette:
    """Return the application for METRICS_PORT, which serves only `/metrics`."""
    return Starlette(routes=[Route("/metrics", lambda _: read_metrics())])


def _written() -> bytes:
    if (folder := _shared_folder()) is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    with metrics_files.alone_in(folder):
        metrics_files.fold_ended(folder)
        return generate_latest(registry)


def remove_files_of_ended() -> None:
    """Merge the files of processes that have ended. Call this when a process starts.

    Otherwise the files would accumulate if processes are often replaced and nobody
    scrapes the metrics.
    """
    if folder := _shared_folder():
        with metrics_files.alone_in(folder):
            metrics_files.fold_ended(folder)


def _shared_folder() -> Path | None:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None
