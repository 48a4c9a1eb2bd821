"""Settings that are safe alone and dangerous together.

The tests show how one visitor can affect all others, and which settings refuse to
start.
"""

import os
import subprocess
import sys

import pytest
from fastapi.testclient import TestClient

from app.core.config import BACKEND, get_settings
from app.main import create_app
from tests.auth.factories import PASSWORD, make_user
from tests.core.safe_settings import SAFE
from tests.faults.figures import record

pytestmark = [pytest.mark.faults, pytest.mark.only("postgresql")]
WRONG = "wrong horse battery staple"
VISITORS = 20
REFUSED = [
    ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": ""}),
    ("REDIS_URL", {"WEB_CONCURRENCY": "8"}),
    ("SMTP_TLS", {"SMTP_TLS": "none"}),
    ("METRICS_ENABLED", {"METRICS_ENABLED": "true"}),
    ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "*.io"}),
    ("STRIPE_API_BASE", {"STRIPE_API_BASE": "https://stripe.example.com"}),
    ("ACCEPT_RISKS", {"ACCEPT_RISKS": "everything"}),
]


@pytest.mark.usefixtures("clock")  # the windows of rate limits begin at round times
@pytest.mark.parametrize(("proxies", "shut_out"), [([], VISITORS), (["10.0.0.1"], 0)])
def test_behind_an_undeclared_proxy_one_visitor_locks_out_all(db, proxies, shut_out):
    app = create_app(get_settings().model_copy(update={"trusted_proxies": proxies}))
    user = make_user()
    client = TestClient(app, client=("10.0.0.1", 50_000))

    def sign_in(visitor, username, password):
        form = {"username": username, "password": password}
        return client.post(
            "/auth/token", data=form, headers={"X-Forwarded-For": visitor}
        ).status_code

    for number in range(50):
        sign_in("203.0.113.1", f"guess{number}", WRONG)
    answers = [
        sign_in(f"198.51.100.{number}", user.username, PASSWORD)
        for number in range(1, VISITORS + 1)
    ]
    found = answers.count(429)
    assert found == shut_out
    declared = "declared" if proxies else "not declared, which production refuses"
    record(
        "settings",
        f"50 wrong passwords behind a proxy that is {declared}",
        f"{found} of {VISITORS} others shut out",
    )


def test_production_refuses_to_start_with_each_of_them():
    code = "from app.core.config import get_settings; get_settings()"
    lines = []
    for name, variables in REFUSED:
        env = {"PATH": os.environ["PATH"]} | SAFE | variables
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=BACKEND, env=env, capture_output=True, text=True, check=False
        )
        if done.returncode == 1 and done.stderr.startswith(
            f"Liftoff cannot start with this setting: {name}: "
        ):
            lines.append(done.stderr.count("\n"))
    assert lines == [1] * len(REFUSED)
    record(
        "settings",
        "wrong together, they end the start in one line",
        f"{len(lines)} of {len(REFUSED)}",
    )
