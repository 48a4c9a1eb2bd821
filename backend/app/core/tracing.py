"""OpenTelemetry traces, from a request to its statements, jobs and calls to Stripe.

`start_tracing` does nothing unless OTEL_EXPORTER_OTLP_ENDPOINT is set. If tracing has
not been started, a `span` costs one comparison, and OpenTelemetry's SDK is not
imported.

Spans contain no values: no parameters of statements, no query strings and no bodies. Of
an error, they contain only the class.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.core.setting_fields import SettingFields

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

SECONDS = 3  # how long one attempt to send spans may take, in a thread of its own
QUERY = "url.query"

_provider: "TracerProvider | None" = None
_tracer: Any = None


def start_tracing(settings: SettingFields, service: str) -> "TracerProvider | None":
    """Send the spans of this process to the endpoint of the settings, if any."""
    global _provider, _tracer  # noqa: PLW0603 - a process has one provider
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None or _provider is not None:
        return _provider
    # These imports take a quarter of a second.
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class WithoutQuery(SpanProcessor):
        """Keeps the names of the parameters in a query string, and drops the values."""

        def on_start(self, span: Any, parent_context: Any = None) -> None:
            del parent_context
            if query := (span.attributes or {}).get(QUERY):
                names = [part.partition("=")[0] for part in query.split("&")]
                span.set_attribute(QUERY, "&".join(names))

    resource = Resource.create({"service.name": service})
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(WithoutQuery())
    exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=SECONDS)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(_provider)  # FastAPI's own spans use this provider, too
    _tracer = _provider.get_tracer("liftoff")
    return _provider


def stop_tracing() -> None:
    """Send the spans that are still waiting, for at most a few seconds."""
    global _provider, _tracer  # noqa: PLW0603 - as above
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


def is_traced() -> bool:
    """Return whether the current request or job has a span that is recorded."""
    if _tracer is None:
        return False
    from opentelemetry import trace

    return trace.get_current_span().is_recording()


@contextmanager
def span(
    name: str, *, client: bool = False, parent: str | None = None, **attributes: str
) -> Iterator[None]:
    """Trace what happens inside the block.

    `client` is true for a call to another service. `parent` is the text that
    `traceparent` has returned in another process.
    """
    if _tracer is None:
        yield
        return
    with recorded_span(_tracer, name, client=client, parent=parent, attributes=attributes):
        yield


@contextmanager
def recorded_span(
    tracer: Any,
    name: str,
    *,
    client: bool,
    parent: str | None,
    attributes: Mapping[str, str],
) -> Iterator[None]:
    from opentelemetry.trace import SpanKind, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carried = {"traceparent": parent} if parent else None
    with tracer.start_as_current_span(
        name,
        context=TraceContextTextMapPropagator().extract(carried) if carried else None,
        kind=SpanKind.CLIENT if client else SpanKind.INTERNAL,
        attributes={key.replace("_", "."): value for key, value in attributes.items()},
        record_exception=False,  # an exception's text may contain what a user typed
        set_status_on_exception=False,
    ) as started:
        try:
            yield
        except BaseException as error:
            started.set_status(StatusCode.ERROR)
            started.set_attribute("error.type", type(error).__qualname__)
            raise


def traceparent() -> str | None:
    """Return the current span, if any, as a text that another process can continue."""
    if not is_traced():
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")
