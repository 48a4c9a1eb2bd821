"""Traces of a process, if OTEL_EXPORTER_OTLP_ENDPOINT is set."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from app.core.config import get_settings
from app.core.tracing import start_tracing, stop_tracing


@contextmanager
def tracing(service: str) -> Iterator[None]:
    """Send the spans of this process inside the block.

    The last spans are sent when the block ends.
    """
    if start_tracing(get_settings(), service) is None:
        yield
        return
    import_module("app.db.tracing")  # listens to every statement
    try:
        yield
    finally:
        stop_tracing()
