"""Operators run `make doctor`."""

import json
import os
import subprocess
import sys

import pytest

from app.core.config import BACKEND
from tests.support.server import free_port


@pytest.fixture
def doctor(migrated):
    """`doctor("--json", NAME=value)` returns the exit code and the output."""

    def run(*options, **variables):
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "doctor", *options],
            cwd=BACKEND,
            env=os.environ | {"PAYMENTS_ENABLED": "false"} | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    return run


def test_a_sound_deployment_exits_with_0(doctor, smtp, redis_url):
    code, said = doctor(REDIS_URL=redis_url)
    lines = [line for line in said.splitlines() if line.startswith("ok ")]
    assert code == 0, said
    for name in ("database", "redis", "smtp", "purges", "dead letters"):
        assert any(f" {name} " in line for line in lines), said


def test_a_dead_service_exits_with_1(doctor):
    code, said = doctor("--json", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    failed = [row["check"] for row in json.loads(said) if row["state"] == "failure"]
    assert (code, failed) == (1, ["redis"])


@pytest.mark.only("postgresql")
def test_a_dead_database_is_one_failure(doctor):
    url = f"postgresql://liftoff:hunter2@127.0.0.1:{free_port()}/liftoff"
    code, said = doctor("--json", DATABASE_URL=url)
    failed = [row["check"] for row in json.loads(said) if row["state"] == "failure"]
    assert (code, failed) == (1, ["database"])
    assert "hunter2" not in said


def test_invalid_settings_are_a_row(doctor):
    code, said = doctor("--json", ENVIRONMENT="production", SECRET_KEY="x" * 40)
    (row,) = json.loads(said)
    assert (code, row["check"], row["state"]) == (1, "settings", "failure")
    assert "SECRET_KEY: is guessable" in row["detail"]
    assert "x" * 40 not in said
