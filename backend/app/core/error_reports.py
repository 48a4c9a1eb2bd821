"""Reports of errors to Sentry, if SENTRY_DSN is set.

Each log record of level error or above becomes a report. The report has what the log
shows, without secrets: the facts, and for an exception the class, the text, and the
place where it was raised. Sentry's own collectors are switched off, because they would
add requests, headers, local variables and SQL.
"""

import atexit
import sys
from collections.abc import Callable, MutableMapping
from traceback import extract_tb
from typing import Any

from app.core.setting_fields import BACKEND, SettingFields

SECONDS = 2.0  # how long a process that ends may still send reports
FRAMES = 50
REPORTED = ("error", "critical")
OWN = ("sentry_sdk", "urllib3")  # loggers of the sending itself, whose records must not be sent

Event = MutableMapping[str, Any]
Processor = Callable[[object, str, Event], Event]


def make_reporter(settings: SettingFields, scrub: Callable[[object], object]) -> Processor | None:
    """Return a processor of log records that reports errors, if there is a DSN.

    `scrub` removes secrets.
    """
    if settings.sentry_dsn is None:
        return None
    import sentry_sdk  # this import takes a tenth of a second

    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.environment,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
    )
    atexit.register(sentry_sdk.flush, SECONDS)

    def report(_logger: object, _method: str, event: Event) -> Event:
        if event.get("level") in REPORTED and not str(event.get("logger")).startswith(OWN):
            sentry_sdk.capture_event(_report_of(event, scrub))  # type: ignore[arg-type] # Sentry's event, as a plain dict
        return event

    return report


def _report_of(event: Event, scrub: Callable[[object], object]) -> dict[str, Any]:
    facts = scrub({key: value for key, value in event.items() if key != "exc_info"})
    assert isinstance(facts, dict)
    report = {
        "level": "fatal" if event["level"] == "critical" else "error",
        "logger": facts.pop("logger", ""),
        "message": facts.pop("event", ""),
        "tags": {"request_id": facts.pop("request_id", "")},
        "extra": facts,
    }
    if (error := _exception_of(event.get("exc_info"))) is not None:
        report["exception"] = {"values": [_described(error, scrub)]}
    return report


def _exception_of(given: object) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


def _described(error: BaseException, scrub: Callable[[object], object]) -> dict[str, Any]:
    frames = [
        {
            "filename": frame.filename.removeprefix(f"{BACKEND}/"),
            "function": frame.name,
            "lineno": frame.lineno,
            "in_app": frame.filename.startswith(f"{BACKEND}/"),
        }
        for frame in extract_tb(error.__traceback__)[-FRAMES:]
    ]
    kind = type(error)
    return {
        "type": kind.__qualname__,
        "module": kind.__module__,
        "value": scrub(str(error)),
        "stacktrace": {"frames": frames},
    }
