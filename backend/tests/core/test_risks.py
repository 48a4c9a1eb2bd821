"""Settings that are safe alone and dangerous together (requirement 65).

A deployment refuses these settings unless its operator accepts the risk in
ACCEPT_RISKS.
"""

import pytest

from app.core import risks
from tests.core.safe_settings import SAFE, complaint

RUN = {
    "no_proxy": ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": ""}),
    "local_limits": ("REDIS_URL", {"WEB_CONCURRENCY": "2"}),
    "clear_mail": ("SMTP_TLS", {"SMTP_TLS": "none"}),
    "public_metrics": ("METRICS_ENABLED", {"METRICS_ENABLED": "true"}),
}
STAGING = {"ENVIRONMENT": "staging", "STRIPE_SECRET_KEY": "sk_test_51NotARealKeyButLongEnough"}

deployed = pytest.mark.parametrize("deployment", [{}, STAGING], ids=["production", "staging"])


@deployed
@pytest.mark.parametrize("risk", RUN)
def test_a_risk_is_refused_until_it_is_accepted_by_name(environment, risk, deployment):
    variable, settings = RUN[risk]
    others = ",".join(name for name in RUN if name != risk)
    said = complaint(environment, **deployment, **settings, ACCEPT_RISKS=others)
    assert said.startswith(f"Liftoff cannot start with this setting: {variable}: ")
    assert said.endswith(f"or accept it: ACCEPT_RISKS={risk}")
    accepted = environment(**SAFE | deployment | settings | {"ACCEPT_RISKS": f" {risk} ,"})
    assert [one.name for one in risks.accepted_risks(accepted)] == [risk]


def test_all_risks_are_refused_in_one_round(environment):
    everything = {name: value for _, settings in RUN.values() for name, value in settings.items()}
    said = complaint(
        environment, **everything, SMTP_HOST="192.0.2.25", ALLOWED_HOSTS="*.io", LOG_LEVEL="loud"
    )
    for name in (
        "TRUSTED_PROXIES",
        "REDIS_URL",
        "SMTP_TLS",
        "METRICS_ENABLED",
        "ALLOWED_HOSTS",
        "LOG_LEVEL",
    ):
        assert said.count(f"  {name}: ") == 1
    assert "192.0.2.25" not in said


@pytest.mark.parametrize("word", ["none", "no_proxy,everything", "NO_PROXY", "*"])
def test_an_unknown_risk_is_refused_with_the_list(environment, word):
    said = complaint(environment, ACCEPT_RISKS=word, TRUSTED_PROXIES="")
    assert said == (
        "Liftoff cannot start with this setting: ACCEPT_RISKS: "
        "must contain only these names: no_proxy, local_limits, clear_mail, public_metrics"
    )


def test_what_is_not_run_needs_no_consent(environment):
    redis = {"WEB_CONCURRENCY": "8", "REDIS_URL": "redis://redis:6379/0"}
    metrics = {"METRICS_ENABLED": "true", "METRICS_PORT": "9100"}
    settings = environment(**SAFE | redis | metrics | {"ACCEPT_RISKS": ",".join(RUN)})
    assert list(risks.accepted_risks(settings)) == []


@pytest.mark.parametrize("environment_name", ["development", "test"])
def test_nothing_is_a_risk_before_it_is_deployed(environment, environment_name):
    everything = {name: value for _, settings in RUN.values() for name, value in settings.items()}
    environment(
        ENVIRONMENT=environment_name,
        SECRET_KEY="x" * 32,
        SMTP_HOST="mail.example.com",
        **everything,
    )


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "::1",
        "10.1.2.3",
        "172.31.0.9",
        "192.168.1.5",
        "fd00::25",
        "mailhog",
        "smtp",
    ],
)
def test_mail_may_be_clear_on_this_machine_and_its_networks(environment, host):
    assert environment(**SAFE | {"SMTP_TLS": "none", "SMTP_HOST": host}).smtp_tls == "none"


@pytest.mark.parametrize(
    "host",
    [
        *(
            "smtp.example.com",
            "localhost.example.com",
            "mailhog.",
            "172.32.0.1",
            "192.0.2.25",
            "203.0.113.9",
            "8.8.8.8",
        ),
        *("2001:db8::25", "::ffff:8.8.8.8", "134744072", "0x08080808", "8.8"),
    ],
)
def test_elsewhere_clear_mail_is_a_risk(environment, host):
    assert " SMTP_TLS: " in complaint(environment, SMTP_TLS="none", SMTP_HOST=host)


def test_metrics_with_a_port_are_on_without_more_words(environment):
    settings = environment(**SAFE | {"METRICS_PORT": "9100"})
    assert settings.metrics_enabled
    assert not environment(
        **SAFE | {"METRICS_PORT": "9100", "METRICS_ENABLED": "false"}
    ).metrics_enabled


def test_a_field_that_is_wrong_does_not_hide_what_else_is(environment):
    """Otherwise, each fault costs one more failed deployment."""
    said = complaint(
        environment,
        PORT="99999",
        SMTP_HOST="",
        SECRET_KEY="",
        TRUSTED_PROXIES="*",
        WORKER_THREADS="5",
    )
    names = [line.split(":")[0].strip() for line in said.splitlines()[1:]]
    assert names == ["SECRET_KEY", "PORT", "TRUSTED_PROXIES", "WORKER_THREADS", "SMTP_HOST"]
