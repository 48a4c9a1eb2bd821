"""A server with the settings of a deployment: its logs at the start, and the port of
its metrics.

There is no database. The server still starts, and responds to requests that need no
database.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.core.config import BACKEND
from tests.core.safe_settings import SAFE
from tests.support import patient
from tests.support.server import START_SECONDS, free_port, running_server
from tests.support.smtp import wait_until
from tests.support.workers import workers

pytestmark = pytest.mark.only("sqlite")  # a deployment refuses SQLite
RISKS = {"TRUSTED_PROXIES": "", "SMTP_TLS": "none", "WEB_CONCURRENCY": "2"}
ACCEPTED = "no_proxy,local_limits,clear_mail"
STAGING = {"ENVIRONMENT": "staging", "STRIPE_SECRET_KEY": "sk_test_51NotARealKeyButLongEnough"}


def deployed(**variables):
    """Return the environment of a server with safe settings, these variables, and no
    database.
    """
    away = f"postgresql://liftoff:Vx9-correct-horse@127.0.0.1:{free_port()}/liftoff"
    hashing = {
        "PASSWORD_HASH_KIB": "",
        "WORKER_THREADS": "",
        "DATABASE_POOL_SIZE": "",
        "DATABASE_MAX_OVERFLOW": "",
    }
    return (
        SAFE
        | hashing
        | {"DATABASE_URL": away, "ALLOWED_HOSTS": "api.example.com,127.0.0.1"}
        | variables
    )


def said(log, event):
    """Return the records of one event in a log."""
    records = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [record for record in records if record["event"] == event]


def processes(server):
    """Return the server's processes that answer requests."""
    children = psutil.Process(server.process.pid).children()
    return [
        child.pid for child in children if any("spawn_main" in word for word in child.cmdline())
    ]


def counted(port, route):
    """Return how many requests to a route the metrics have counted."""
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]
    named = [
        one
        for one in samples
        if one.name.endswith("_seconds_count") and one.labels["route"] == route
    ]
    return sum(sample.value for sample in named)


def test_what_is_said_and_counted_survives_a_process():
    """Accepted risks are logged once, for any number of processes, and not again when a
    process is replaced.

    A replaced process removes its file, so its counts are lost. Prometheus treats a
    counter that falls as a restart.
    """
    port = free_port()
    with running_server(
        **deployed(**RISKS, METRICS_PORT=str(port), ACCEPT_RISKS=ACCEPTED)
    ) as server:
        wait_until(lambda: len(said(server.log, "started")) == 2, START_SECONDS)
        killed = processes(server)[0]
        folder = Path(psutil.Process(killed).environ()["PROMETHEUS_MULTIPROC_DIR"])
        for _ in range(20):
            httpx2.get(f"{server.url}/health/live", timeout=30)
        before = counted(port, "/health/live")
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(said(server.log, "started")) == 3, START_SECONDS)
        assert counted(port, "/health/live") >= before >= 20
        numbers = {path.stem.rpartition("_")[2] for path in folder.glob("*.db")}
        assert numbers <= {*map(str, processes(server)), str(server.process.pid), "ended"}
        server.process.terminate()
        server.process.wait(START_SECONDS)
        accepted = said(server.log, "risk_accepted")
    assert not folder.exists()
    assert [record["risk"] for record in accepted] == ["no_proxy", "local_limits", "clear_mail"]
    assert accepted[0]["message"].startswith("TRUSTED_PROXIES is empty: ")
    assert {record["level"] for record in accepted} == {"warning"}


def test_staging_says_so_loudly_at_the_start():
    """The server has only one process.

    Metrics still have their own port, which serves nothing else.
    """
    port = free_port()
    loud = STAGING | {
        "LOG_LEVEL": "debug",
        "STRIPE_API_BASE": "http://simulator:8001",
        "METRICS_PORT": str(port),
    }
    with running_server(**deployed(**loud)) as server:
        (record,) = said(server.log, "staging")
        assert record["message"].startswith("THIS IS STAGING")
        assert [record["variable"] for record in said(server.log, "setting_doubtful")] == [
            "LOG_LEVEL"
        ]
        assert (
            httpx2.get(f"{server.url}/health/ready", timeout=30).json()["checks"]["environment"]
            == "staging"
        )
        assert counted(port, "/health/live") >= 1
        assert patient.get(f"http://127.0.0.1:{port}/health/live").status_code == 404
        assert "server" not in patient.get(f"http://127.0.0.1:{port}/metrics").headers


def test_a_worker_says_it_too(settings):
    settings(**deployed(**STAGING, SMTP_TLS="none", ACCEPT_RISKS="clear_mail"))
    with workers(1) as (_, (log,)):
        wait_until(lambda: said(log.read_text(), "risk_accepted"), START_SECONDS)
        assert said(log.read_text(), "staging")


def test_a_port_of_metrics_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        second = subprocess.run(
            [sys.executable, "-m", "app.server"],
            cwd=BACKEND,
            env=os.environ
            | deployed(METRICS_PORT=port, LOG_LEVEL="error")
            | {"PORT": str(free_port())},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == (
        "The server cannot listen on METRICS_PORT: Address already in use. Free the port, or "
        "choose another.\n"
    )
