"""Structured logs: one line per record, with the request id and without secrets."""

import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from itertools import islice
from typing import Any, TextIO

from asgi_correlation_id import correlation_id

from app.core.config import Settings
from app.core.error_reports import make_reporter
from app.core.plain_structlog import structlog

REDACTED = "[redacted]"
SECRET_NAME = re.compile(
    r"password|passwd|secret|token|authorization|cookie|api_?key|credential|signature|recovery|otp|dsn|database_url",
    re.IGNORECASE,
)
# Each pattern takes linear time (CWE-1333). This would not be so if a failed match made
# the search scan the same text again from the next position. Therefore the patterns use
# the possessive quantifiers `*+` and `++`, and some patterns match a whole run of
# characters even if the run contains no secret.
SECRET_VALUES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (  # in a form, a query, a dictionary, JSON, or the repr of a dataclass or model
        re.compile(
            r"""((?:password|passwd|secret|token)(?:=|\\*+["']\s*+:\s*+)|\bcode=)
                (?:"(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+'|[^\s&,;)}]++)""",
            re.IGNORECASE | re.VERBOSE,
        ),
        rf"\1{REDACTED}",
    ),
    (  # a JWT; the second branch consumes a word that only starts like a JWT
        re.compile(r"eyJ[\w-]{8,}+\.[\w-]++\.[\w-]*+|(eyJ[\w-]*+)", re.IGNORECASE),
        lambda found: found[1] or REDACTED,
    ),
    (
        re.compile(r"(?<=bearer\s)\S+|(?<=basic\s)\S+", re.IGNORECASE),
        REDACTED,
    ),  # an Authorization header
    (re.compile(r"://[^\s\"'?]*+"), lambda found: _without_user(found[0])),
    (re.compile(r"\b(?:sk|rk|whsec)_\w+", re.IGNORECASE), REDACTED),  # Stripe's secrets
    (re.compile(r"\$argon2\S+", re.IGNORECASE), REDACTED),  # a password hash
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
MAX_READ = 16_000  # maximum characters scanned in one text; a whole record may have twice as many
MAX_WRITTEN = 4_000  # maximum characters logged from one text
# This many characters in front of a cut are removed, too. A secret that the cut has
# truncated may not be recognised.
MARGIN = 1_000
MAX_MEMBERS = 200  # maximum members logged from one list or mapping
MAX_LINES = 400  # maximum lines logged from one traceback
OF_EACH = 10  # each value counts as this many characters in addition to its own
# Messages that the server or the event loop logs if a client disconnects, or sends
# invalid HTTP.
FAULTS_OF_CLIENTS = (
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
    "No supported WebSocket library detected.",
    "socket.send() raised exception.",
)
Event = MutableMapping[str, Any]


def _without_user(rest: str) -> str:
    """Remove the user and password from a URL without its scheme.

    Even a user or password that is encoded incorrectly is removed.
    """
    user, at, place = rest.rpartition("@")
    return f"://{REDACTED}@{place}" if at and user != "://" else rest


def scrub_for_log(value: object) -> object:
    """Copy a value so that it is safe to log: without secrets, short, and without line
    breaks.

    The time that this takes is bounded for every value.
    """
    return _Scrubber().clean(value)


class _Scrubber:
    """A scrubber for one record, with one limit on how much text is scanned."""

    def __init__(self) -> None:
        self._left = 2 * MAX_READ

    def clean(self, value: object) -> object:
        self._left -= OF_EACH
        if self._left <= 0:
            return "…"
        if isinstance(value, str):
            return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", self._shortened(value))
        if isinstance(value, Mapping):
            members = islice(value.items(), MAX_MEMBERS)
            return {
                self.clean(str(key)): self._member(str(key)[:MAX_WRITTEN], item)
                for key, item in members
            }
        if isinstance(value, list | tuple | set):
            return [self.clean(item) for item in islice(value, MAX_MEMBERS)]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.clean(str(value))

    def lines(self, traceback: str) -> str:
        """Scrub a traceback line by line, and indent each line.

        Scrubbing is necessary because an exception's text may contain client input.
        Because of the indentation, no line can look like a separate record. A long
        traceback keeps its first and last lines.
        """
        half = (self._left - (MAX_LINES + 2) * OF_EACH) // 2
        text = (
            traceback
            if len(traceback) <= 2 * half
            else f"{traceback[:half]}\n…\n{traceback[-half:]}"
        )
        lines = text.splitlines()
        if len(lines) > MAX_LINES:
            lines = [*lines[: MAX_LINES // 2], "…", *lines[-MAX_LINES // 2 :]]
        return "\n".join(f"  {self.clean(line)}" for line in lines)

    def _member(self, name: str, value: object) -> object:
        return REDACTED if SECRET_NAME.search(name) else self.clean(value)

    def _shortened(self, text: str) -> str:
        """Remove secrets, then shorten the text.

        Secrets are searched for far beyond the place of the cut, so the logged text
        cannot end with a part of a secret.
        """
        limit = min(MAX_READ, self._left)
        self._left -= min(len(text), limit)
        clean = text[:limit]
        for pattern, instead in SECRET_VALUES:
            clean = pattern.sub(instead, clean)
        whole = len(text) <= limit
        if whole and len(clean) <= MAX_WRITTEN:
            return clean
        end = MAX_WRITTEN if whole else min(MAX_WRITTEN, max(0, len(clean) - MARGIN))
        return f"{clean[:end]}… ({len(text)} characters)"


def redact_secrets(_: object, __: str, event: Event) -> Event:
    traceback = event.pop("exception", None)
    event.pop("color_message", None)  # uvicorn's copy of the message with terminal codes
    clean = scrub_for_log(dict(event))
    assert isinstance(clean, dict)
    if traceback:
        clean["exception"] = _Scrubber().lines(str(traceback))
    return clean


def _request_id(_: object, __: str, event: Event) -> Event:
    if request_id := correlation_id.get():
        event["request_id"] = request_id
    return event


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Write our records and those of all libraries to one stream, in the same format.

    The default stream is standard output.
    """
    stream = stream or sys.stdout
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _request_id,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([reporter] if (reporter := make_reporter(settings, scrub_for_log)) else []),
        structlog.processors.format_exc_info,
        redact_secrets,
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
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    _tame_libraries()


def _lower(record: logging.LogRecord) -> bool:
    """Lower the level of records about client errors.

    Otherwise a client could fill the log with warnings that look like our own errors.
    """
    if record.levelno > logging.INFO and record.getMessage().startswith(FAULTS_OF_CLIENTS):
        record.levelno, record.levelname = logging.INFO, "INFO"
    return logging.getLogger(record.name).isEnabledFor(record.levelno)


def _tame_libraries() -> None:
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(_lower)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # We write our own access log, because uvicorn's includes query strings, which may
    # contain secrets.
    logging.getLogger("uvicorn.access").disabled = True
    # These loggers report routine events, such as a replaced request id, a discovered
    # plugin or an outgoing request.
    for chatty in (
        "asgi_correlation_id",
        "alembic.runtime.plugins",
        "alembic.ddl",
        "httpx2",
        "starlette_admin",
        "stripe",
        "celery",
        "kombu",
        "amqp",
    ):
        logging.getLogger(chatty).setLevel("WARNING")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def security_event(event: str, *, routine: bool = False, **facts: object) -> None:
    """Log an event that matters for security (ASVS 16.3).

    `facts` contains ids, never secrets. The level is warning, or info for `routine`
    events, which users cause every day with their own accounts.
    """
    level = logging.INFO if routine else logging.WARNING
    get_logger("security").log(level, event, security_event=event, **facts)
