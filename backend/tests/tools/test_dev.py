"""`make dev` runs the server and the Stripe simulator, and reacts to changes of
files.
"""

import httpx2
import pytest

from tests.support import patient
from tests.support.development import development, until

pytestmark = pytest.mark.slow


@pytest.fixture
def running(tmp_path):
    with development(tmp_path, SECRET_KEY="", ENVIRONMENT="") as running:
        yield running
    with pytest.raises(httpx2.ConnectError):
        patient.get(f"{running.stripe}/_simulator/api/state")


def prices(stripe):
    listed = patient.get(f"{stripe}/v1/prices?active=true", auth=("sk_test_x", "")).json()["data"]
    return sorted(price["unit_amount"] for price in listed)


def test_the_simulator_sends_to_the_server_and_survives_a_reload(running):
    assert f"API       {running.api}\n" in running.log
    assert f"Stripe    {running.stripe}/_simulator" in running.log
    for host in ("127.0.0.1", "localhost"):
        assert (
            patient.get(running.api.replace("localhost", host) + "/health/ready").status_code == 200
        )
    assert prices(running.stripe) == [1200, 4900, 12000, 49000]
    before_the_server, _, _ = running.log.partition("Application startup complete")
    assert "demo jobs done" in before_the_server  # so plans are on sale once the server is ready
    endpoints = patient.get(
        f"{running.stripe}/v1/webhook_endpoints", auth=("sk_test_x", "")
    ).json()["data"]
    assert [endpoint["url"] for endpoint in endpoints] == [f"{running.api}/payments/webhook"]
    patient.post(
        f"{running.stripe}/_simulator/api/chaos", json={"seed": 4711}
    )  # this simulator keeps its state only in memory

    file = running.tree.backend / "app" / "main.py"
    file.write_text(file.read_text() + "\n# changed\n")
    until(lambda: running.log.count("Application startup complete") == 2)
    assert patient.get(f"{running.stripe}/_simulator/api/state").json()["chaos"]["seed"] == 4711
    assert (running.tree.root / ".data" / "simulator.db").exists()


def test_changed_plans_and_settings_take_effect(running):
    """An error in either file is reported.

    The last valid values stay in force until the error is fixed.
    """
    plans, env = running.tree.backend / "plans.toml", running.tree.root / ".env"
    sold, settings = plans.read_text(), env.read_text()
    plans.write_text(sold.replace("amount = 1200\n", "amount = \n"))
    until(lambda: "could not be published: plans.toml: Invalid value (at line " in running.log)
    plans.write_text(sold.replace("amount = 1200\n", "amount = 1300\n"))
    until(lambda: prices(running.stripe) == [1300, 4900, 12000, 49000])
    env.write_text(f"{settings}\nSMTP_PORT=many\n")
    until(
        lambda: (
            "Until you fix that, everything continues with the previous settings." in running.log
        )
    )
    assert "SMTP_PORT: must be a whole number" in running.log
    assert patient.get(f"{running.api}/health/ready").status_code == 200
    env.write_text(f"# a comment changes nothing\n{settings}")
    env.write_text(f"{settings}\nAPI_PREFIX=/api\n")
    until(lambda: running.log.count("Liftoff is up") == 2)
    assert running.log.count(".env has changed. Everything starts again.") == 1
    assert patient.get(f"{running.api}/api/health/ready").status_code == 200
