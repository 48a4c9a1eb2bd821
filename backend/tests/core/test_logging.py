"""Logs: one record per line, and no secret in any record (security requirement 55)."""

import io
import json
import logging

import pytest

from app.core.config import Settings
from app.core.logging import configure_logging, get_logger, scrub_for_log, security_event
from tests.auth.factories import hashed

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV"
SECRETS = {
    "bearer token": ("Authorization: Bearer 7fGh2kPq9sTvWxYz", "7fGh2kPq9sTvWxYz"),
    "basic credentials": ("authorization: basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    "JWT": (f"got {JWT}, which is expired", JWT),
    "DSN": ("cannot connect to postgresql://liftoff:hunter2pw@db/liftoff", "hunter2pw"),
    "DSN with a slash": ("postgresql+psycopg2://liftoff:hunter2/pw@db/liftoff", "hunter2/pw"),
    "DSN with an at": ("mysql://liftoff:hunter2@pw@db/liftoff", "@pw"),
    "Redis": ("redis://:hunter2pw@cache:6379/0", "hunter2pw"),
    "Stripe key": ("no such key: sk_live_51Abc-not-a-key", "sk_live_51Abc"),
    "Stripe restricted key": ("rk_test_51Abcdefgh is refused", "rk_test_51Abcdefgh"),
    "webhook secret": ("whsec_Abcdefgh", "whsec_Abcdefgh"),
    "password hash": (
        f"hash {hashed('whatever it is')}",
        hashed("whatever it is").rpartition("$")[2],
    ),
    "link": ("GET /verify-email?token=abcDEF123 HTTP/1.1", "abcDEF123"),
    "code": ("GET /auth/callback?code=abcDEF123&state=x", "abcDEF123"),
    "form": ("grant_type=password&username=ada&password=hunter2pw", "hunter2pw"),
    "shape": ("Login(username='ada', password='hunter2 pw')", "hunter2 pw"),
    "dictionary": ("{'username': 'ada', 'password': 'hunter2 pw'}", "hunter2 pw"),
    "JSON in JSON": (json.dumps(json.dumps({"new_password": "hunter2pw"})), "hunter2pw"),
    "JSON": ('{"refresh_token": "abcDEF123", "x": 1}', "abcDEF123"),
}


@pytest.fixture
def record_as():
    """`record_as(format)` sets the format of the log, and returns a function that
    returns the output.
    """

    def configure(log_format):
        file = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
        configure_logging(Settings(log_format=log_format), file)
        return lambda: file.buffer.getvalue().decode()

    return configure


@pytest.fixture(params=["console", "json"])
def output(request, record_as):
    """`output()` returns what was written. Each test runs once with each format."""
    return record_as(request.param)


def fail(text):
    raise ValueError(text)


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_no_secret_in_any_record_of_any_logger(output, text, secret):
    get_logger("app.tests").info(text, note=text, nested={"list": [text]})
    library = logging.getLogger("some.library")
    library.warning(text)
    library.warning("said %s", text)
    library.warning("said", extra={"note": text, "pair": (text, {"deep": text})})
    for logger in (library, get_logger("app.tests")):
        try:
            try:
                fail(text)
            except ValueError as error:
                raise RuntimeError("outer") from error
        except RuntimeError:
            logger.exception("failed")
    written = output()
    assert written.count("RuntimeError: outer") == 2
    assert "[redacted]" in written
    assert secret not in written


@pytest.mark.parametrize(
    "name", ["password", "new_password", "Authorization", "refresh_token", "api_key", "cookie"]
)
def test_what_is_named_as_a_secret_is_none_of_the_logs_business(output, name):
    get_logger("app.tests").info("event", **{name: "plain-looking"})
    get_logger("app.tests").info(
        "event", headers={name: "plain-looking"}, rows=[{name: ["plain-looking"]}]
    )
    logging.getLogger("some.library").info("event", extra={name: b"plain-looking"})
    assert "plain-looking" not in output()


def test_plain_facts_are_written_as_they_are(output):
    get_logger("app.tests").info(
        "post_created", post_id=42, title="Kits", ratio=0.5, draft=False, none=None
    )
    written = output()
    for fact in ("post_created", "42", "Kits", "0.5", "alse"):
        assert fact in written


HOSTILE = (
    "one\r\n2026-01-01T00:00:00Z [info] forged\n\x1b[2Jx\x0bx\x0cx\x85x\u2028x\u2029x\x9b2Jx\x00"
)


def test_nothing_that_was_sent_can_start_a_record(output):
    get_logger("app.tests").info(HOSTILE, path=HOSTILE, nested=[{HOSTILE: HOSTILE}])
    logging.getLogger("some.library").info("path %s", HOSTILE)
    logging.getLogger(HOSTILE).info("hello")
    written = output()
    assert len(written.splitlines()) == 3
    assert not [line for line in written.splitlines() if line.startswith("2026-01-01T00:00:00Z")]
    assert not set("\x1b\x85\x9b\u2028\u2029\x00\x0b\x0c") & set(written)


def test_a_traceback_cannot_pass_for_records(output):
    try:
        fail(HOSTILE)
    except ValueError:
        get_logger("app.tests").exception("failed")
    written = output()
    forged = [line for line in written.splitlines() if "forged" in line and "failed" not in line]
    assert all(line.startswith("  ") for line in forged)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_text_that_no_terminal_can_show_is_still_logged(record_as, log_format, capsys):
    output = record_as(
        log_format
    )  # not in a fixture, because pytest could then not report the output that it captures
    get_logger("app.tests").info("lone \ud800 surrogate", password="hunter2pw")
    logging.getLogger("some.library").info("lone %s", "\udfff hunter2pw")
    assert len(output().splitlines()) == 2
    assert "hunter2pw" not in capsys.readouterr().err


def test_json_records_have_the_facts_that_tools_look_for(record_as):
    output = record_as("json")
    security_event("login_failed", user_id=42)
    record = json.loads(output())
    assert record["timestamp"].endswith("Z")
    assert record | {"timestamp": ""} == {
        "event": "login_failed",
        "security_event": "login_failed",
        "user_id": 42,
        "level": "warning",
        "logger": "security",
        "timestamp": "",
    }


def test_an_object_is_written_by_its_text_and_that_is_cleaned():
    class Dsn:
        def __str__(self):
            return "postgresql://liftoff:hunter2pw@db/liftoff"

    assert scrub_for_log(Dsn()) == "postgresql://[redacted]@db/liftoff"


def test_the_servers_own_access_log_is_off():
    assert logging.getLogger("uvicorn.access").disabled
