"""`python -m simulator` runs as a program. What it has confirmed in a response is still
there after the process has ended.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

import httpx2
import pytest

from app.core.config import BACKEND
from tests.simulator.conftest import KEY
from tests.support import patient
from tests.support.server import free_port
from tests.support.trees import Tree


@contextlib.contextmanager
def program(*arguments, **variables):
    """Run the program, and yield its URL and its process."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=BACKEND,
        env={**os.environ, "SIMULATOR_PORT": str(port), **variables},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None
            assert time.monotonic() < deadline
            with contextlib.suppress(httpx2.TransportError):
                patient.get(f"{url}/_simulator/api/state")
                break
            time.sleep(0.05)
        yield url, process
    finally:
        process.terminate()
        process.wait(60)


def ask(url, method="GET", **more):
    answer = patient.request(method, url, auth=(KEY, ""), **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_was_answered_survives_a_kill(tmp_path):
    state = ("--state", str(tmp_path / "deep" / "state.db"))
    with program(*state) as (url, process):
        customers = [
            ask(f"{url}/v1/customers", "POST", data={"email": f"{n}@x.test"})["id"]
            for n in range(20)
        ]
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    with program(*state) as (url, _):
        listed = ask(f"{url}/v1/customers?limit=100")["data"]
        assert [found["id"] for found in listed] == customers[::-1]
        newer = ask(f"{url}/v1/customers", "POST")["id"]
        assert newer not in customers


def test_it_ends_quietly(tmp_path):
    for ending in (signal.SIGINT, signal.SIGTERM):
        with program("--memory") as (_, process):
            process.send_signal(ending)
            assert process.wait(60) in (0, -ending)


def test_it_refuses_to_run_in_production():
    run = start("--memory", ENVIRONMENT="production")
    assert run.returncode == 1
    assert run.stderr.strip() == (
        "The simulator is for development and tests. It refuses ENVIRONMENT=production."
    )


def test_it_finds_production_in_the_file_of_settings_too(tmp_path):
    """As in the application, environment variables override `.env`."""
    tree = Tree(tmp_path / "clone")
    (tree.root / ".env").write_text("ENVIRONMENT=production\n")
    refused = tree.python("-m", "simulator", "--memory", ENVIRONMENT="")
    assert (refused.returncode, refused.stderr.count("ENVIRONMENT=production")) == (1, 1)
    staging = tree.python("-m", "simulator", "--state", "/dev/null/x", ENVIRONMENT="staging")
    assert staging.stderr.startswith("/dev/null/x cannot be used")


def start(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "simulator", "--port", str(free_port()), *arguments],
        cwd=BACKEND,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--webhook", "http://127.0.0.1:9/"), "--webhook needs a secret"),
        (("--state", "/dev/null/x"), "/dev/null/x"),
    ],
)
def test_what_it_cannot_start_with_is_one_line(arguments, said):
    run = start(*arguments)
    assert run.returncode == 1
    (line,) = run.stderr.strip().splitlines()
    assert said in line
