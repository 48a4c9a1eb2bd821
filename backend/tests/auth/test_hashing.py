"""At most one password per processor is hashed at the same time (requirement 9)."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from app.core.admission import Admission
from app.db.database import admission
from app.routers.auth import security
from tests.auth.factories import PASSWORD, make_user
from tests.auth.steps import outcome, sign_in

BOUND = min(
    os.cpu_count() or 1, admission.slots
)  # each hash may hold a connection, so the connections are also a limit
LONGER = 0.05  # seconds that each hash takes longer, so that many hashes overlap


class Counted:
    """A hasher that records the largest number of calls that ran at the same time."""

    def __init__(self, hasher):
        self._hasher, self._lock = hasher, Lock()
        self.most = self._now = 0

    def __getattr__(self, name):
        work = getattr(self._hasher, name)

        def counted(*arguments):
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            try:
                time.sleep(LONGER)
                return work(*arguments)
            finally:
                with self._lock:
                    self._now -= 1

        return counted


@pytest.mark.only("postgresql", "mysql")  # SQLite allows one sign-in at a time
def test_a_crowd_is_hashed_one_per_processor_and_all_get_through(client, committed, monkeypatch):
    users = [make_user() for _ in range(2 * BOUND)]
    hasher = Counted(security.password_hasher())
    monkeypatch.setattr(
        security, "password_hasher", lambda: hasher
    )  # nothing else shows how many hashes overlap

    def come(user):
        return sign_in(client, user).status_code

    def register(user):
        body = {
            "username": f"new-{user.username}",
            "email": f"new-{user.email}",
            "password": PASSWORD,
        }
        return client.post("/auth/register", json=body).status_code

    with ThreadPoolExecutor(4 * BOUND) as threads:
        sent = [threads.submit(call, user) for user in users for call in (come, register)]
        assert [one.result(60) for one in sent] == [200, 202] * len(users)
    assert hasher.most == BOUND


@pytest.mark.parametrize(
    "path",
    [
        "token",
        "register",
        "email-change",
        "delete-account",
        "password/reset",
        "password/change",
        "mfa/totp",
        "mfa/totp/disable",
        "google/unlink",
    ],
)
@pytest.mark.usefixtures("db")
def test_every_route_that_hashes_waits_for_its_turn(client, monkeypatch, path):
    """A request that never gets a turn is refused before it reads its body, which is
    invalid here.
    """
    none = Admission(0, timeout=0, refusal=security.SignInBusy)
    monkeypatch.setattr(security, "hashing", none)
    answer = client.post(f"/auth/{path}", json={})
    assert outcome(answer) == (503, "sign_in_busy")
    assert int(answer.headers["Retry-After"]) > 0
