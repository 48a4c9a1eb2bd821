"""Structured logs: one record a line, with the request's id, and nothing in them that must stay secret."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from asgi_correlation_id import correlation_id

from app.core.config import Settings

REDACTED = "[redacted]"
SECRET_NAME = re.compile(
    r"password|passwd|secret|token|authorization|cookie|api_?key|credential|signature|recovery|otp|dsn|database_url",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"""eyJ[\w-]{8,}\.[\w-]+\.[\w-]*          # a JWT
      | (?<=bearer\s)\S+ | (?<=basic\s)\S+    # an Authorization header
      | (?<=://)[^\s"'?]+(?=@)                # user and password of a URL, also one that is not well encoded
      | \b(?:sk|rk|whsec)_\w+                 # Stripe's secrets
      | \$argon2\S+                           # a password hash
      # a form, a query, the text of a dictionary, of JSON or of one of our shapes
      | (?P<name>(?:password|passwd|secret|token)(?:=|\\*["']\s*:\s*)|\bcode=)
        (?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s&,;)}]+)
    """,
    re.IGNORECASE | re.VERBOSE,
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# What the server and the event loop say of clients that go away, or send what is not HTTP.
FAULTS_OF_CLIENTS = (
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
    "No supported WebSocket library detected.",
    "socket.send() raised exception.",
)
Event = MutableMapping[str, Any]


def scrub(value: object) -> object:
    """A copy that is safe to write: secrets are gone, and no character in it can begin a new record."""
    if isinstance(value, str):
        clean = SECRET_VALUE.sub(lambda m: (m["name"] or "") + REDACTED, value)
        return CONTROL.sub(lambda m: f"\\x{ord(m[0]):02x}", clean)
    if isinstance(value, Mapping):
        return {
            scrub(str(key)): REDACTED if SECRET_NAME.search(str(key)) else scrub(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [scrub(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return scrub(str(value))


def _redact(_: object, __: str, event: Event) -> Event:
    traceback = event.pop("exception", None)
    event.pop("color_message", None)  # uvicorn repeats its text with terminal codes
    clean = scrub(dict(event))
    assert isinstance(clean, dict)
    if traceback:  # its line breaks are wanted, and each line is indented, so that none can pass for a record
        clean["exception"] = "\n".join(f"  {scrub(line)}" for line in str(traceback).splitlines())
    return clean


def _request_id(_: object, __: str, event: Event) -> Event:
    if request_id := correlation_id.get():
        event["request_id"] = request_id
    return event


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send our records and every library's through the same processors to one stream; standard output by default."""
    stream = stream or sys.stdout
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _request_id,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.processors.JSONRenderer()
    if settings.log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    _tame_libraries()


def _lower(record: logging.LogRecord) -> bool:
    """Keep what clients do from looking like trouble of ours: a stranger could fill the log with warnings."""
    if record.levelno > logging.INFO and record.getMessage().startswith(FAULTS_OF_CLIENTS):
        record.levelno, record.levelname = logging.INFO, "INFO"
    return logging.getLogger(record.name).isEnabledFor(record.levelno)


def _tame_libraries() -> None:
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(_lower)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # our own access log knows what must not be written
    # A replaced request id, a plugin that was found, a request that we sent: no news to anybody.
    for chatty in ("asgi_correlation_id", "alembic.runtime.plugins", "alembic.ddl", "httpx2", "stripe"):
        logging.getLogger(chatty).setLevel("WARNING")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def security_event(event: str, **facts: object) -> None:
    """One record of what an attacker or an auditor would care about (ASVS 16.3). Facts hold ids, never secrets."""
    get_logger("security").warning(event, security_event=event, **facts)
