"""Settings that production refuses to start with, and how it reports them."""

import os
import re
import subprocess
import sys

import pytest
from pydantic import ValidationError

from app.core.config import BACKEND, get_settings
from tests.core.safe_settings import SAFE, VARIABLES, complaint


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
        ),  # this option would override the limit that the application sets
        ("REDIS_URL", "rediss://cache.internal/0?ssl_cert_reqs=required&retry_on_timeout=true"),
        ("MONGODB_URL", "postgresql://mongo.internal/liftoff"),
        ("MONGODB_URL", "mongo://mongo.internal/liftoff"),
        ("MONGODB_URL", "mongodb://liftoff:Vx9-correct@horse@mongo.internal/liftoff"),
        ("MONGODB_URL", "mongodb://mongo.internal/lift off"),
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
    """Each setting is tested with several values that few settings accept."""
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
