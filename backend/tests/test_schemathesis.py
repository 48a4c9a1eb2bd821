"""Sends thousands of valid and invalid requests, generated from the OpenAPI document,
to a real server.

No response is a 5xx. No response has an undocumented status or header, or a body that
breaks its schema. Invalid data is never accepted. Routes that need a user refuse
requests without one.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.core.config import BACKEND
from app.main import app
from tests.auth.factories import make_user, token_for
from tests.support import patient
from tests.support.server import running_server

CONFIG = str(Path(__file__).with_name("schemathesis.toml"))
# These operations end the session of the request. After that, all other operations
# would only respond with 401. So each of these has a separate run with its own session.
# The other operations share a session, which must still exist at the end.
ENDING = ("auth_log_out", "auth_log_out_everywhere", "auth_end_session")
OTHERS = [f"--exclude-operation-id={name}" for name in ENDING]
RUNS = [OTHERS, *([f"--include-operation-id={name}"] for name in ENDING)]
CALLERS: dict[str, dict[str, Any] | None] = {
    "public": None,
    "author": {},
    "superuser": {"is_superuser": True},
}


@pytest.fixture
def cases(committed, tmp_path):
    """`cases(caller, examples)` returns how many requests were sent.

    If a response is wrong, the test fails and shows the report of Schemathesis.
    """

    def run(caller, examples):
        columns = CALLERS[caller]
        sent = 0
        with running_server(LOG_LEVEL="error") as server:
            server.wait_until_ready()
            for operations in RUNS:
                user = (
                    {}
                    if columns is None
                    else {"Authorization": f"Bearer {token_for(make_user(**columns))}"}
                )
                sent += requests(server, examples, operations, user)
                if user and operations is OTHERS:
                    assert patient.get(f"{server.url}/auth/me", headers=user).status_code == 200
            assert "unhandled_error" not in server.log
        return sent

    def requests(server, examples, operations, user):
        command = [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            CONFIG,
            "--no-color",
            "run",
        ]
        options = [
            "--max-examples",
            str(examples),
            "--seed",
            "1",
            "--no-shrink",
            "--continue-on-failure",
        ]
        headers = [f"--header={name}: {value}" for name, value in user.items()]
        done = subprocess.run(
            [*command, f"{server.url}/openapi.json", *options, *operations, *headers],
            cwd=tmp_path,  # schemathesis writes its files there
            env={**os.environ, "PYTHONPATH": str(BACKEND)},
            capture_output=True,
            text=True,
            check=False,
        )
        told = re.sub(r"(%[0-9A-F]{2}){9,}", "%…", done.stdout)[-8000:]
        assert done.returncode == 0, told + done.stderr[-2000:] + server.log[-4000:]
        sent = re.search(r"(\d+) generated", done.stdout)
        assert sent, done.stdout
        return int(sent[1])

    return run


@pytest.mark.only("sqlite")
def test_the_server_keeps_to_its_document(cases):
    assert cases("superuser", examples=2) > 10 * len(app.openapi()["paths"])


@pytest.mark.long
@pytest.mark.only("postgresql")  # the database of production
@pytest.mark.parametrize("caller", CALLERS)
def test_the_server_conforms_to_its_document_under_fuzzing(cases, caller):
    assert cases(caller, examples=30) > 30 * len(app.openapi()["paths"])
