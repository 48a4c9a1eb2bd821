"""Settings come from several sources, may be unset, and have defaults."""

import re

import pytest

from app.core.config import ROOT, Settings
from app.core.production import Unsafe
from tests.core.safe_settings import SAFE, VARIABLES, complaint


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


def test_an_empty_value_counts_as_unset(environment):
    settings = environment(
        ENVIRONMENT="test", SECRET_KEY="x" * 32, PORT="", REDIS_URL="", LOG_FORMAT="", PUBLIC_URL=""
    )
    assert (settings.port, settings.redis_url, settings.log_format) == (8000, None, "console")
    assert settings.public_url == "http://localhost:8000"


def test_development_pages_are_at_localhost_unlike_the_simulator(environment):
    """The browser sends the cookie only if a page and its API have the same host name.

    The `stripe` library does not depend on the host name.
    """
    given = {
        "ENVIRONMENT": "development",
        "SECRET_KEY": "x" * 32,
        "PORT": "9000",
        "API_PREFIX": "/api",
    }
    settings = environment(**given, PUBLIC_URL="", FRONTEND_URL="", HOST="")
    assert (settings.host, settings.public_url) == ("localhost", "http://localhost:9000")
    assert settings.frontend_url == "http://localhost:9000/api/demo"
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
    """Every value in the file is also the default without the file.

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
    """Someone who wants staging must set it explicitly, so that a copied example does
    not.
    """
    shared = (ROOT / "docker-compose.yml").read_text().split("x-backend:")[1].split("services:")[0]
    assert "    ENVIRONMENT: ${LIFTOFF_ENVIRONMENT:-production} " in shared
    assert "LIFTOFF_ENVIRONMENT" not in (ROOT / ".env.example").read_text()
    assert "ENVIRONMENT=production" in (ROOT / "backend" / "Dockerfile").read_text()


def test_only_development_shows_statements_to_clients_unasked(environment):
    assert environment(ENVIRONMENT="development", SECRET_KEY="x" * 32).server_timing
    assert not environment(**SAFE).server_timing
    assert environment(**SAFE, SERVER_TIMING="true").server_timing


def test_a_search_language_that_does_not_exist_is_refused(environment):
    assert environment(**SAFE).search_language is None
    assert environment(**SAFE | {"SEARCH_LANGUAGE": "German"}).search_language == "german"
    said = complaint(environment, **SAFE | {"SEARCH_LANGUAGE": "klingon"})
    assert "SEARCH_LANGUAGE: must be one of arabic, armenian" in said
