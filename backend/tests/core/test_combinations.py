"""Settings that contradict each other: some combinations are refused, others only cause
a warning.
"""

import pytest

from app.core import combinations
from tests.core.safe_settings import SAFE, complaint

LIVE = {"STRIPE_SECRET_KEY": "rk_live_51NotARealKeyButLongEnough"}
STAGING = {"ENVIRONMENT": "staging", "STRIPE_SECRET_KEY": "sk_test_51NotARealKeyButLongEnough"}
DEVELOPMENT = {"ENVIRONMENT": "development", "SECRET_KEY": "x" * 32}
FOREIGN = [
    "https://stripe.example.com",
    "https://api.stripe.com.example.com",
    "https://example.com/api.stripe.com",
    "https://api.stripe.com/v1",
    "https://api.stripe.com:8443",
    "https://127.0.0.1:8001",
    "https://simulator:8001",
]


@pytest.mark.parametrize("base", FOREIGN)
@pytest.mark.parametrize("payments", ["true", "false"])
def test_a_live_key_is_shown_to_stripe_alone(environment, base, payments):
    """Even the operator's consent does not allow another address."""
    risks = "no_proxy,local_limits,clear_mail,public_metrics"
    said = complaint(
        environment, **LIVE, STRIPE_API_BASE=base, ACCEPT_RISKS=risks, PAYMENTS_ENABLED=payments
    )
    assert " STRIPE_API_BASE: must be https://api.stripe.com" in said


@pytest.mark.parametrize(
    "base", ["https://api.stripe.com", "https://API.Stripe.com/", "https://api.stripe.com:443"]
)
def test_stripe_itself_may_see_it(environment, base):
    assert combinations.reaches_stripe(environment(**SAFE | LIVE | {"STRIPE_API_BASE": base}))


@pytest.mark.parametrize("name", ["development", "test"])
def test_so_it_is_before_anything_is_deployed(environment, name):
    """An address on this machine is allowed, because the key then stays on this
    machine.
    """
    given = DEVELOPMENT | LIVE | {"ENVIRONMENT": name}
    assert "STRIPE_API_BASE" in complaint(
        environment, **given, STRIPE_API_BASE="https://stripe.example.com"
    )
    environment(**given | {"STRIPE_API_BASE": "http://127.0.0.1:9999"})


@pytest.mark.parametrize(
    "base", ["http://simulator:8001", "http://127.0.0.1:8001", "https://stripe.example.com"]
)
def test_staging_may_have_a_simulator(environment, base):
    assert environment(**SAFE | STAGING | {"STRIPE_API_BASE": base}).stripe_api_base == base


def test_staging_sends_no_key_in_the_clear_to_another_network(environment):
    said = complaint(environment, **STAGING, STRIPE_API_BASE="http://stripe.example.com")
    assert " STRIPE_API_BASE: must be https" in said


@pytest.mark.parametrize(
    "key", ["sk_live_51NotARealKeyButLongEnough", "rk_live_51NotARealKeyButLongEnough", "x", ""]
)
def test_staging_moves_no_real_money(environment, key):
    assert " STRIPE_SECRET_KEY: " in complaint(environment, **STAGING | {"STRIPE_SECRET_KEY": key})


@pytest.mark.parametrize(
    "key", ["sk_test_51NotARealKeyButLongEnough", "rk_test_51NotARealKeyButLongEnough"]
)
def test_staging_takes_keys_of_the_test_mode(environment, key):
    settings = environment(**SAFE | STAGING | {"STRIPE_SECRET_KEY": key})
    assert (settings.is_deployed, settings.is_production) == (True, False)
    assert (settings.docs_enabled, settings.metrics_enabled, settings.embedded_worker) == (
        False,
        False,
        False,
    )


REPLICA = "postgresql://liftoff:Vx9-correct-horse@replica/liftoff"


@pytest.mark.parametrize(
    ("urls", "reason"),
    [
        ("mysql://liftoff:Vx9-correct-horse@replica/liftoff", "only URLs of PostgreSQL"),
        ("sqlite:///copy.db", "only URLs of PostgreSQL"),
        (SAFE["DATABASE_URL"], "contains DATABASE_URL itself"),
        (f"{REPLICA},{REPLICA}", "names a server twice"),
        (f"{REPLICA},oracle://replica", "oracle is not supported"),
        ("postgresql://liftoff:liftoff@replica/liftoff", "guessable password"),
    ],
)
def test_replicas_that_cannot_be_right_are_refused(environment, urls, reason):
    said = complaint(environment, **SAFE | {"DATABASE_REPLICA_URLS": urls})
    assert "DATABASE_REPLICA_URLS" in said
    assert reason in said
    assert "Vx9-correct-horse" not in said


@pytest.mark.parametrize("url", ["", "mysql://liftoff:Vx9-correct-horse@db/liftoff"])
def test_only_postgresql_has_replicas(environment, url):
    given = DEVELOPMENT | {"DATABASE_URL": url, "DATABASE_REPLICA_URLS": REPLICA}
    assert "needs PostgreSQL in DATABASE_URL" in complaint(
        environment, **dict.fromkeys(SAFE, "") | given
    )


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"SECRET_KEY": "a" * 40}, "SECRET_KEY"),
        ({"DATABASE_URL": "sqlite:////var/lib/liftoff.db"}, "DATABASE_URL"),
        ({"PUBLIC_URL": "http://api.example.com"}, "PUBLIC_URL"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"CORS_ORIGINS": "*"}, "CORS_ORIGINS"),
        ({"SMTP_HOST": ""}, "SMTP_HOST"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
        (
            {
                "GOOGLE_CLIENT_ID": "a",
                "GOOGLE_CLIENT_SECRET": "b",
                "GOOGLE_ISSUER": "http://127.0.0.1:9",
            },
            "GOOGLE_ISSUER",
        ),
    ],
)
def test_staging_is_as_strict_as_production(environment, variables, name):
    assert f" {name}: " in complaint(environment, **STAGING | variables)


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"SMTP_USERNAME": "liftoff"}, "SMTP_USERNAME"),
        ({"SMTP_PASSWORD": "Vx9-correct-horse"}, "SMTP_USERNAME"),
        ({"GOOGLE_CLIENT_ID": "liftoff"}, "GOOGLE_CLIENT_ID"),
        ({"METRICS_PORT": "8000"}, "METRICS_PORT"),
        ({"WORKER_THREADS": "5"}, "WORKER_THREADS"),
        ({"ALLOWED_HOSTS": "*.io"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "*.COM"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "api.example.com,*.localhost"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "*.co.uk"}, "ALLOWED_HOSTS"),
        ({"TRUSTED_PROXIES": "0.0.0.0/1,128.0.0.0/1"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "2000::/3"}, "TRUSTED_PROXIES"),
        ({"PUBLIC_URL": "https://[api"}, "PUBLIC_URL"),
    ],
)
@pytest.mark.parametrize(
    "base", [SAFE, SAFE | STAGING, DEVELOPMENT], ids=["production", "staging", "development"]
)
def test_what_can_never_be_right_is_refused_everywhere(environment, base, variables, name):
    everything = "no_proxy,local_limits,clear_mail,public_metrics"
    unset = dict.fromkeys(SAFE, "") if base is DEVELOPMENT else {}
    assert f" {name}: " in complaint(
        environment, **unset | base | {"ACCEPT_RISKS": everything} | variables
    )


@pytest.mark.parametrize(
    "hosts", ["*.example.com", "*.example.co.uk", "api.example.com", "example.io"]
)
def test_a_star_before_a_domain_of_ones_own_is_allowed(environment, hosts):
    assert environment(**SAFE | {"ALLOWED_HOSTS": hosts}).allowed_hosts == [hosts]


def doubted(settings):
    return [name for name, _ in combinations.doubtful_settings(settings)]


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, []),
        ({"LOG_LEVEL": "debug"}, ["LOG_LEVEL"]),
        (
            {"PASSWORD_HASH_KIB": "1048576", "WEB_CONCURRENCY": "64", "REDIS_URL": "redis://r"},
            ["PASSWORD_HASH_KIB"],
        ),
        ({"ALLOWED_HOSTS": "internal.example.com"}, ["ALLOWED_HOSTS"]),
        ({"ALLOWED_HOSTS": "*.Example.com"}, []),
        ({"ALLOWED_HOSTS": "*.api.example.com"}, ["ALLOWED_HOSTS"]),
        ({"CORS_ORIGINS": ""}, ["CORS_ORIGINS"]),
        ({"CORS_ORIGINS": "", "FRONTEND_URL": "https://api.example.com/app"}, []),
        (
            {"FRONTEND_URL": "https://app.example.org", "CORS_ORIGINS": "https://app.example.org"},
            ["FRONTEND_URL"],
        ),
        (
            {"PUBLIC_URL": "https://localhost", "ALLOWED_HOSTS": "localhost"},
            ["FRONTEND_URL", "PUBLIC_URL"],
        ),
        (
            {"DATABASE_URL": "postgresql://l:Vx9-correct@db.example.com/l?sslmode=disable"},
            ["DATABASE_URL"],
        ),
        (
            {"DATABASE_URL": "postgresql://l:Vx9-correct@db.example.com:5432/l?sslmode=allow"},
            ["DATABASE_URL"],
        ),
        (
            {"DATABASE_URL": "mysql://l:Vx9-correct@db.example.com/l?ssl_disabled=true"},
            ["DATABASE_URL"],
        ),
        ({"DATABASE_URL": "postgresql://l:Vx9-correct@db.example.com/l?sslmode=verify-full"}, []),
        ({"DATABASE_URL": "postgresql://l:Vx9-correct@db/l?sslmode=disable"}, []),
        ({"DATABASE_URL": "postgresql://l:Vx9-correct@[fd00::7]:5432/l?sslmode=disable"}, []),
        (
            {"DATABASE_URL": "postgresql://l:Vx9-correct@/l?host=/run/postgresql&sslmode=disable"},
            [],
        ),
        ({"REDIS_URL": "redis://cache.example.com:6379/0"}, ["REDIS_URL"]),
        ({"REDIS_URL": "rediss://cache.example.com:6379/0"}, []),
        ({"SMTP_PORT": "465"}, ["SMTP_TLS"]),
        ({"SMTP_TLS": "ssl"}, ["SMTP_TLS"]),
        ({"SMTP_TLS": "ssl", "SMTP_PORT": "465"}, []),
        ({"API_PREFIX": "/api", "PUBLIC_URL": "https://api.example.com/api"}, ["PUBLIC_URL"]),
        ({"API_PREFIX": "/api", "PUBLIC_URL": "https://api.example.com"}, []),
    ],
)
def test_a_deployment_doubts_what_is_probably_not_meant(environment, variables, names):
    assert doubted(environment(**SAFE | variables)) == names


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, []),
        ({"HOST": "0.0.0.0"}, ["HOST"]),  # noqa: S104 - nothing listens in this test
        ({"HOST": "::1"}, []),
        ({"HOST": "localhost"}, []),
        ({"DATABASE_URL": "postgresql://u:p@db.example.com/x"}, ["DATABASE_URL"]),
        ({"DATABASE_URL": "postgresql://u:p[w@127.0.0.1/x"}, []),
        (LIVE | {"STRIPE_API_BASE": "https://api.stripe.com"}, ["STRIPE_SECRET_KEY"]),
        ({"HOST": "0.0.0.0", "ENVIRONMENT": "test"}, []),  # noqa: S104 - as above
    ],
)
def test_development_doubts_what_shows_it_to_others(environment, variables, names):
    assert doubted(environment(**DEVELOPMENT | variables)) == names


def test_a_doubt_names_variables_and_no_value(environment):
    settings = environment(
        **SAFE
        | {
            "DATABASE_URL": "postgresql://l:Vx9-correct@db.example.com/l?sslmode=disable",
            "LOG_LEVEL": "debug",
        }
        | {
            "REDIS_URL": "redis://:Vx9-correct@cache.example.com/0",
            "ALLOWED_HOSTS": "internal.example.com",
        }
    )
    said = " ".join(reason for _, reason in combinations.doubtful_settings(settings))
    assert "Vx9" not in said
    assert "example" not in said
