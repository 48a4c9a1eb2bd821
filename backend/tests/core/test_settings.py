"""Settings: their sources, what counts as unset, and what production refuses."""

import os
import re
import subprocess
import sys

import pytest
from pydantic import ValidationError

from app.core.config import BACKEND, ROOT, Settings, get_settings
from app.core.production import Unsafe

SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "pF3v9sKq-Zt7Lw2xRb6YhM8nCd4JgA5e",
    "DATABASE_URL": "postgresql://liftoff:Vx9-correct-horse@db.internal/liftoff",
    "PUBLIC_URL": "https://api.example.com",
    "FRONTEND_URL": "https://app.example.com",
    "ALLOWED_HOSTS": "api.example.com",
    "CORS_ORIGINS": "https://app.example.com",
    "TRUSTED_PROXIES": "10.0.0.0/24",
    "SMTP_HOST": "smtp.example.com",
    "MAIL_FROM": "hello@example.com",
    "STRIPE_SECRET_KEY": "sk_live_51NotARealKeyButLongEnough",
    "STRIPE_WEBHOOK_SECRET": "whsec_notARealSecretButLongEnough",
}
VARIABLES = {name.upper() for name in Settings.model_fields}


def complaint(environment, **variables):
    """Return production's message at start for safe settings with one change."""
    with pytest.raises(ValidationError) as refusal:
        environment(**(SAFE | variables))
    assert "input_value" not in str(refusal.value)
    with pytest.raises(SystemExit) as end:
        get_settings.__wrapped__()
    return str(end.value.code)


def test_production_starts_with_strong_settings(environment):
    settings = environment(**SAFE)
    assert settings.is_production
    assert (settings.docs_enabled, settings.metrics_enabled, settings.log_format) == (
        False,
        False,
        "json",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short-secret"),
        ("SECRET_KEY", "a" * 40),
        ("SECRET_KEY", "changeme" * 5),
        ("SECRET_KEY", "change-me-in-production-0123456789-change-me"),
        ("SECRET_KEY", "Your-Very-Long-Key-Goes-Here-0123456789"),
        ("SECRET_KEY_PREVIOUS", "short-secret"),
        ("SECRET_KEY_PREVIOUS", "changeme" * 5),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "sqlite:////var/lib/liftoff.db"),
        ("DATABASE_URL", "sqlite+pysqlite:////var/lib/liftoff.db"),
        ("DATABASE_URL", "postgresql://postgres:postgres@db/liftoff"),
        ("DATABASE_URL", "postgresql://postgres:p%6fstgres@db/liftoff"),
        ("DATABASE_URL", "postgresql://liftoff:@db/liftoff"),
        ("DATABASE_URL", "postgresql://liftoff@db/liftoff"),
        ("DATABASE_URL", "mysql://root:root@db/liftoff"),
        ("DATABASE_URL", "postgresql://billing:billing@db/liftoff"),
        ("DATABASE_URL", "postgresql://liftoff:Vx9-correct-horse@[db/liftoff"),
        ("DATABASE_URL", "postgresql://liftoff:Vx9-correct-horse@db:port-number/liftoff"),
        ("DATABASE_URL", "postgresql+asyncpg://liftoff:Vx9-correct-horse@db/liftoff"),
        ("DATABASE_URL", "oracle://liftoff:Vx9-correct-horse@db/liftoff"),
        ("DATABASE_URL", "liftoff:Vx9-correct-horse@db/liftoff"),
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "http://api.example.com"),
        ("PUBLIC_URL", "api.example.com"),
        ("FRONTEND_URL", ""),
        ("FRONTEND_URL", "http://app.example.com"),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", " , "),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "api.example.com,*"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://*.example.com"),
        ("CORS_ORIGINS", "http://app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/path"),
        ("CORS_ORIGINS", "https://user@web.example.org"),
        ("CORS_ORIGINS", "web.example.org"),
        ("CORS_HEADERS", "*"),
        ("CORS_HEADERS", "X-Client-Version X-Tenant"),
        ("CORS_HEADERS", "X-Client-Version: 1"),
        ("ALLOWED_HOSTS", "https://api.example.com"),
        ("ALLOWED_HOSTS", "api.example.com:443"),
        ("ALLOWED_HOSTS", "api.*.example.com"),
        ("SMTP_HOST", ""),
        ("MAIL_FROM", ""),
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY", "sk_test_51NotARealKeyButLongEnough"),
        ("STRIPE_SECRET_KEY", "sk_live_"),
        ("STRIPE_API_BASE", "http://127.0.0.1:8001"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("STRIPE_WEBHOOK_SECRET", "whsec_"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_notARealSecretButLongEnough,plain-secret-of-some-length"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,::/0"),
        ("REDIS_URL", "cache.internal:6379"),
        ("REDIS_URL", "redis://:Vx9-correct-horse@cache.internal:port/0"),
        ("REDIS_URL", "redis://"),
        (
            "REDIS_URL",
            "redis://cache.internal/0?socket_timeout=60",
        ),  # it would win over the limit that we set
        ("REDIS_URL", "rediss://cache.internal/0?ssl_cert_reqs=required&retry_on_timeout=true"),
        ("PORT", "99999"),
        ("PASSWORD_MIN_LENGTH", "4"),
        ("PASSWORD_HASH_KIB", "19455"),
        ("API_PREFIX", "/api/"),
    ],
)
def test_production_names_the_variable_and_never_its_value(environment, name, value):
    said = complaint(environment, **{name: value})
    assert f" {name}: " in said
    for part in re.split(r"[,@]", value):
        assert len(part) < 9 or part not in said


def test_production_sends_no_password_in_the_clear(environment):
    assert " SMTP_TLS: " in complaint(
        environment, SMTP_TLS="none", SMTP_USERNAME="liftoff", SMTP_PASSWORD="Vx9-correct-horse"
    )


def test_one_thing_that_is_wrong_is_one_line(environment):
    assert complaint(environment, API_PREFIX="api").splitlines() == [
        (
            "Liftoff cannot start with this setting: API_PREFIX: must be a path in lower "
            "case, such as /api/v1"
        )
    ]


def test_everything_that_is_wrong_is_said_at_once(environment):
    said = complaint(
        environment,
        SMTP_HOST="",
        MAIL_FROM="",
        ALLOWED_HOSTS="*",
        STRIPE_SECRET_KEY="sk_test_123456789",
    )
    assert re.findall(r"^  ([A-Z_]+):", said, re.MULTILINE) == [
        "SMTP_HOST",
        "MAIL_FROM",
        "ALLOWED_HOSTS",
        "STRIPE_SECRET_KEY",
    ]


PYDANTIC = re.compile(
    r"Input|String should|Field required|valid |Value error|pattern|unable to parse|cannot be read"
)
UNUSABLE = ["?", "-1", "1.5", "0", "9" * 30, "x" * 3, "[", "\x7f"]


def test_every_refusal_of_a_single_setting_is_in_our_own_words(environment):
    """Each setting is tried with several values that few settings accept."""
    refused = set()
    for name in sorted(VARIABLES):
        for value in UNUSABLE:
            try:
                environment(**(SAFE | {name: value}))
            except ValidationError:
                with pytest.raises(SystemExit) as end:
                    get_settings.__wrapped__()
                said = str(end.value.code)
                assert not PYDANTIC.search(said), said
                assert f"{name}" in said, (value, said)
                refused.add(name)
    assert len(refused) > 35


def test_a_misspelt_environment_hides_nothing_else_that_is_wrong(environment):
    said = complaint(
        environment,
        ENVIRONMENT="prod",
        SMTP_HOST="",
        PORT="x",
        SECRET_KEY="short",
        PUBLIC_URL="http://x",
    )
    assert sorted(re.findall(r"^  ([A-Z_]+):", said, re.MULTILINE)) == [
        "ENVIRONMENT",
        "PORT",
        "PUBLIC_URL",
        "SECRET_KEY",
        "SMTP_HOST",
    ]
    assert "ENVIRONMENT: must be 'development', 'test', 'staging' or 'production'" in said


def test_a_missing_key_does_not_hide_the_other_problems(environment):
    unset = SAFE.keys() - {"DATABASE_URL", "PUBLIC_URL"}
    said = complaint(environment, **dict.fromkeys(unset, ""))
    assert {"SECRET_KEY", "SMTP_HOST", "ALLOWED_HOSTS"} <= set(
        re.findall(r"^  ([A-Z_]+):", said, re.MULTILINE)
    )


def test_development_meets_the_simulator_with_keys_of_its_own(environment):
    settings = environment(ENVIRONMENT="development", SECRET_KEY="x" * 32, SIMULATOR_PORT="9001")
    assert settings.stripe_api_base == settings.simulator_url == "http://127.0.0.1:9001"
    assert settings.stripe_secret_key.get_secret_value() == "sk_test_simulator"
    (secret,) = (one.get_secret_value() for one in settings.stripe_webhook_secret)
    assert re.fullmatch(r"whsec_\w{32}", secret)
    other = environment(ENVIRONMENT="development", SECRET_KEY="y" * 32)
    assert other.stripe_webhook_secret[0].get_secret_value() != secret


def test_against_stripe_itself_simulator_keys_are_not_used(environment):
    stripe = {"STRIPE_API_BASE": "https://api.stripe.com/", "SECRET_KEY": "x" * 32}
    settings = environment(ENVIRONMENT="development", **stripe)
    assert settings.stripe_api_base == "https://api.stripe.com"
    assert (settings.stripe_secret_key, settings.stripe_webhook_secret) == (None, [])


def test_production_speaks_to_stripe(environment):
    assert environment(**SAFE).stripe_api_base == "https://api.stripe.com"


def test_production_without_payments_needs_no_stripe(environment):
    environment(
        **SAFE | {"PAYMENTS_ENABLED": "false", "STRIPE_SECRET_KEY": "", "STRIPE_WEBHOOK_SECRET": ""}
    )


def test_a_refused_start_exits_non_zero_and_prints_no_secret():
    weak = SAFE | {
        "DATABASE_URL": "postgresql://postgres:postgres@db.internal/x",
        "SECRET_KEY": "hunter2" * 6,
    }
    run = subprocess.run(
        [sys.executable, "-c", "import app.main"],
        cwd=BACKEND,
        env=os.environ | weak,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "SECRET_KEY: is guessable" in run.stderr
    assert "DATABASE_URL: has an empty or guessable password" in run.stderr
    assert not [
        line
        for line in (run.stdout + run.stderr).splitlines()
        if "hunter2" in line or "db.internal" in line
    ]
    assert "Traceback" not in run.stderr


def test_a_deployment_that_forgets_the_environment_is_production(environment):
    assert environment(
        **{name: value for name, value in SAFE.items() if name != "ENVIRONMENT"}
    ).is_production
    assert "SMTP_HOST: is required" in complaint(environment, ENVIRONMENT="", SMTP_HOST="")


def test_an_unknown_environment_is_refused(environment):
    assert " ENVIRONMENT: " in complaint(environment, ENVIRONMENT="prod")


def test_an_empty_value_counts_as_unset(environment):
    settings = environment(
        ENVIRONMENT="test", SECRET_KEY="x" * 32, PORT="", REDIS_URL="", LOG_FORMAT="", PUBLIC_URL=""
    )
    assert (settings.port, settings.redis_url, settings.log_format) == (8000, None, "console")
    assert settings.public_url == "http://localhost:8000"


def test_development_pages_are_at_localhost_unlike_the_simulator(environment):
    """A page and its API need the same host name, or the browser does not send the
    cookie.

    The `stripe` library needs no name at all.
    """
    given = {
        "ENVIRONMENT": "development",
        "SECRET_KEY": "x" * 32,
        "PORT": "9000",
        "API_PREFIX": "/api",
    }
    settings = environment(**given, PUBLIC_URL="", FRONTEND_URL="", HOST="")
    assert (settings.host, settings.public_url) == ("localhost", "http://localhost:9000")
    assert settings.frontend_url == "http://localhost:9000/api/dev/frontend"
    assert settings.stripe_api_base == "http://127.0.0.1:8001"
    assert environment(**SAFE, HOST="").host == "127.0.0.1"


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ({}, []),
        ({"HOST": "0.0.0.0"}, []),  # noqa: S104 - nothing listens in this test
        ({"HOST": "::"}, []),
        ({"HOST": "192.168.1.5"}, ["192.168.1.5"]),
        ({"HOST": "fe80::1"}, ["[fe80::1]"]),
        ({"PUBLIC_URL": "http://Laptop.local:8000/x"}, ["laptop.local"]),
        ({"PUBLIC_URL": "http://[fd00::7]:8000", "HOST": "127.0.0.1"}, ["[fd00::7]"]),
        ({"ENVIRONMENT": "test"}, ["testserver"]),
    ],
)
def test_outside_production_only_our_own_host_names_are_served(environment, given, added):
    settings = environment(**{"ENVIRONMENT": "development", "SECRET_KEY": "x" * 32} | given)
    assert settings.allowed_hosts == ["localhost", "127.0.0.1", "[::1]", *added]
    assert environment(**SAFE | given | {"ENVIRONMENT": "test"}).allowed_hosts == [
        "api.example.com"
    ]


def test_lists_are_written_with_commas(environment):
    settings = environment(
        **SAFE
        | {"ALLOWED_HOSTS": "a.example.com, b.example.com,", "TRUSTED_PROXIES": "10.0.0.0/8,::1"}
    )
    assert settings.allowed_hosts == ["a.example.com", "b.example.com"]
    assert settings.trusted_proxies == ["10.0.0.0/8", "::1"]


def test_environment_beats_file_and_file_beats_defaults(environment, monkeypatch, tmp_path):
    (tmp_path / ".env").write_text(
        "ENVIRONMENT=test\nSECRET_KEY=from-the-file-from-the-file-from\nPORT=9001\nHOST=\n"
    )
    environment(**SAFE)
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    monkeypatch.setenv("ENVIRONMENT", "development")
    for name in SAFE.keys() - {"ENVIRONMENT"}:
        monkeypatch.delenv(name)
    settings = Settings()
    assert (settings.environment, settings.port, settings.host) == (
        "development",
        9001,
        "localhost",
    )


@pytest.mark.parametrize(
    "key", ["sk_live_abcdefghijklmnopqrsté", "sk_test_a b", "“sk_test_abc”", "sk_test_abc\n"]
)
def test_a_stripe_key_that_no_header_can_hold_is_refused(environment, key):
    for more in ({}, {"ENVIRONMENT": "development"}):
        with pytest.raises(ValueError, match="must be one word of ASCII"):
            environment(**SAFE | {"STRIPE_SECRET_KEY": key} | more)


def test_a_url_loses_its_last_slash(environment):
    assert (
        environment(**SAFE | {"FRONTEND_URL": "https://app.example.com/"}).frontend_url
        == "https://app.example.com"
    )


def test_an_origin_is_kept_as_browsers_send_it(environment):
    settings = environment(
        **SAFE | {"CORS_ORIGINS": "https://App.Example.com/,https://[2001:db8::1]:8443"}
    )
    assert settings.cors_origins == ["https://app.example.com", "https://[2001:db8::1]:8443"]


def test_each_connection_needs_a_thread(environment):
    assert "DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW (45)" in complaint(
        environment, DATABASE_POOL_SIZE="40"
    )


def test_settings_show_no_secret(environment):
    shown = repr(environment(**SAFE))
    for name in ("SECRET_KEY", "DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
        assert SAFE[name] not in shown


def test_the_example_file_lists_every_setting_once():
    lines = (ROOT / ".env.example").read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert sorted(names) == sorted(VARIABLES)


def test_the_example_file_says_the_defaults(environment):
    """A value in the file is the default that also holds without it.

    ENVIRONMENT is the only exception.
    """
    lines = (ROOT / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    bare = environment(ENVIRONMENT="development", SECRET_KEY="x" * 32)
    assert given.pop("ENVIRONMENT") == "development"
    for name, value in given.items():
        if value:
            assert str(getattr(bare, name.lower())).lower().removesuffix(".0") == value, name


def test_problems_are_a_value_error_that_names_variables_only():
    assert str(Unsafe([("SECRET_KEY", "is guessable")])) == "SECRET_KEY"


def test_image_and_compose_are_production_whatever_the_env_file():
    """Staging must be chosen by a name that no copied example sets."""
    shared = (ROOT / "docker-compose.yml").read_text().split("x-backend:")[1].split("services:")[0]
    assert "    ENVIRONMENT: ${LIFTOFF_ENVIRONMENT:-production} " in shared
    assert "LIFTOFF_ENVIRONMENT" not in (ROOT / ".env.example").read_text()
    assert "ENVIRONMENT=production" in (ROOT / "backend" / "Dockerfile").read_text()
