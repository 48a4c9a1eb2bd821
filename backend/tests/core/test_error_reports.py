"""Errors reach a server that speaks Sentry's protocol, without secrets."""

import json
import os
import subprocess
import sys

from tests.core.safe_settings import complaint
from tests.support.collector import collector

SECRETS = ("hunter2", "4242424242", "sk_live_abcdefghij")
PROGRAM = """
from app.core.config import get_settings
from app.core.logging import configure_logging, get_logger

configure_logging(get_settings())
log = get_logger("app.jobs")


def charge(card):
    raise ValueError("password=hunter2 was sent with sk_live_abcdefghij")


try:
    charge("4242424242")
except ValueError:
    log.exception("job_failed", kind="payments.charge", token="hunter2")
log.warning("not_an_error")
log.error("without_exception", kind="purge")
"""


def reports(received):
    """Return the events of all envelopes. An envelope has three lines for each."""
    found = []
    for path, body in received.requests:
        assert path == "/api/7/envelope/"
        lines = body.decode().splitlines()
        found += [json.loads(line) for line in lines[2::2]]
    return found


def test_an_error_is_reported_without_secrets():
    with collector() as received:
        dsn = received.url.replace("://", "://publickey@") + "/7"
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "SENTRY_DSN": dsn},
            check=True,
            capture_output=True,
        )
        first, second = reports(received)
    assert (first["message"], first["level"]) == ("job_failed", "error")
    assert first["extra"]["kind"] == "payments.charge"
    (error,) = first["exception"]["values"]
    assert (error["type"], error["value"]) == (
        "ValueError",
        "password=[redacted] was sent with [redacted]",
    )
    assert [frame["function"] for frame in error["stacktrace"]["frames"]] == ["<module>", "charge"]
    assert second["message"] == "without_exception"
    assert "exception" not in second
    sent = b"".join(body for _, body in received.requests).decode()
    assert [secret for secret in SECRETS if secret in sent] == []


def test_a_wrong_dsn_is_refused_at_startup(environment):
    said = complaint(environment, SENTRY_DSN="https://sentry.example.com")
    assert "SENTRY_DSN: must be the DSN of a project" in said
