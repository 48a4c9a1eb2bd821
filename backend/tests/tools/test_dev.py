"""`make dev`: the server and the Stripe simulator beside each other."""

import os
import signal
import subprocess
import sys
import time

import httpx2
import pytest

from tests.support.server import free_port
from tests.support.trees import SETTINGS, Tree

pytestmark = pytest.mark.slow
PATIENCE = 60


@pytest.fixture
def development(tmp_path):
    """The URLs of both, the copied project, and its log."""
    tree = Tree(tmp_path / "clone")
    ports = {"PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    own = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    log = tmp_path / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.dev"],
            cwd=tree.backend,
            env={**own, **SETTINGS, **ports},
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: "Liftoff is up" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{ports['PORT']}", f"http://127.0.0.1:{ports['SIMULATOR_PORT']}", tree, log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{ports['SIMULATOR_PORT']}/_simulator/api/state")


def sold(stripe):
    return len(httpx2.get(f"{stripe}/v1/prices", auth=("sk_test_x", "")).json()["data"])


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_simulator_sends_to_the_server_and_outlives_its_reload(development):
    api, stripe, tree, log = development
    assert f"Stripe    {stripe}/_simulator" in log.read_text()
    assert sold(stripe) > 0, "the demo's plans have no price yet"
    endpoints = httpx2.get(f"{stripe}/v1/webhook_endpoints", auth=("sk_test_x", "")).json()["data"]
    assert [endpoint["url"] for endpoint in endpoints] == [f"{api}/payments/webhook"]
    httpx2.post(f"{stripe}/_simulator/api/chaos", json={"seed": 4711})  # kept in memory alone

    file = tree.backend / "app" / "main.py"
    file.write_text(file.read_text() + "\n# changed\n")
    until(lambda: log.read_text().count("Application startup complete") == 2)
    assert httpx2.get(f"{stripe}/_simulator/api/state").json()["chaos"]["seed"] == 4711
    assert (tree.root / ".data" / "simulator.db").exists()
