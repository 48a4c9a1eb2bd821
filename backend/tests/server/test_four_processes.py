"""Four server processes run behind the shipped proxy, a real nginx.

It does not matter which process serves a request. No request fails when a process is
replaced.
"""

import contextlib
import re
import threading
from collections import Counter
from contextlib import ExitStack

import httpx2
import pytest

from app.platform.jobs import job_runs
from tests.auth.factories import PASSWORD, make_user
from tests.auth.steps import bearer, sign_in
from tests.support.mails import mails_to, token_of
from tests.support.proxy import running_proxy
from tests.support.server import free_port, running_server

pytestmark = [pytest.mark.slow, pytest.mark.only("postgresql")]
COUNT = 4
CLIENTS = 4
SETTINGS = {
    "PUBLIC_URL": "https://localhost",
    "TRUSTED_PROXIES": "127.0.0.1",
    "EMBEDDED_WORKER": "false",
    "WRITES_PER_MINUTE": "100000",
    "LOG_FORMAT": "json",
}


class Fleet:
    """Server processes with separate ports. Each process can be replaced alone."""

    def __init__(self):
        self.ports = [free_port() for _ in range(COUNT)]
        self._stacks = [ExitStack() for _ in self.ports]
        self.servers = [None] * COUNT

    def start(self, number):
        opened = running_server(PORT=str(self.ports[number]), **SETTINGS)
        self.servers[number] = self._stacks[number].enter_context(opened)

    def replace(self, number):
        """Stop a process as systemd would, and start it again. Return its log."""
        server = self.servers[number]
        server.process.terminate()
        server.process.wait(60)
        log = server.log
        self._stacks[number].close()
        self.start(number)
        return log

    def close(self):
        for stack in self._stacks:
            stack.close()


@pytest.fixture(scope="module")
def fleet(migrated):
    with contextlib.closing(Fleet()) as fleet:
        starts = [threading.Thread(target=fleet.start, args=(n,)) for n in range(COUNT)]
        for start in starts:
            start.start()
        for start in starts:
            start.join()
        yield fleet


@pytest.fixture(scope="module")
def proxy(fleet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    with running_proxy(*fleet.servers, folder=folder) as proxy:
        yield proxy


@pytest.fixture
def browser(proxy, committed):
    with httpx2.Client(base_url=proxy.url, verify=proxy.trust, timeout=60) as browser:
        yield browser


def requests_of(fleet):
    """Return the requests that each process has logged."""
    return [re.findall(r'"event": ?"request"', server.log) for server in fleet.servers]


def test_any_process_serves_the_next_request(fleet, browser):
    """A user registers, signs in, writes, reads the post and signs out."""
    before = requests_of(fleet)
    form = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    assert browser.post("/auth/register", json=form).status_code == 202
    while job_runs.run_next():
        pass
    token = token_of(mails_to(form["email"])[-1])
    assert browser.post("/auth/verify-email", json={"token": token}).is_success
    signed = browser.post("/auth/token", data={"username": "ada", "password": PASSWORD}).json()
    headers = bearer(signed)
    for number in range(COUNT):
        written = browser.post(
            "/blog/posts", json={"title": f"Post {number}", "content": "Text"}, headers=headers
        )
        assert written.status_code == 201, written.text
        for _ in range(COUNT):  # the proxy asks each process, one after the other
            read = browser.get(f"/blog/posts/{written.json()['id']}", headers=headers)
            assert (read.status_code, read.json()["title"]) == (200, f"Post {number}")
    assert browser.post("/auth/logout", headers=headers).is_success
    for _ in range(COUNT):
        assert browser.get("/auth/me", headers=headers).status_code == 401
    after = requests_of(fleet)
    assert all(len(now) > len(then) for now, then in zip(after, before, strict=True))


class Load:
    """Clients that read and write without a pause, until the block ends."""

    def __init__(self, proxy):
        self.results: Counter[tuple[str, int | str]] = Counter()
        self._proxy, self._stop = proxy, threading.Event()
        self._headers = None
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self):
        user = make_user()
        with self._client() as client:
            self._headers = bearer(sign_in(client, user).json())
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _client(self):
        return httpx2.Client(base_url=self._proxy.url, verify=self._proxy.trust, timeout=60)

    def _work(self, number):
        with self._client() as client:
            turn = 0
            while not self._stop.is_set():
                turn += 1
                form = {"title": f"By {number}, {turn}", "content": "Text"}
                try:
                    done = client.post("/blog/posts", json=form, headers=self._headers)
                    self.results["POST", done.status_code] += 1
                    done = client.get("/auth/me", headers=self._headers)
                    self.results["GET", done.status_code] += 1
                except httpx2.TransportError as error:
                    self.results["error", repr(error)] += 1


def replaced_under_load(fleet, proxy, numbers):
    """Replace these processes one after the other, and return what clients received."""
    with Load(proxy) as load:
        logs = [fleet.replace(number) for number in numbers]
    for log in logs:
        assert "stopped" in log
    return load.results


def test_a_process_is_replaced_without_a_failed_request(fleet, proxy, committed):
    results = replaced_under_load(fleet, proxy, [0])
    assert set(results) == {("POST", 201), ("GET", 200)}, results


@pytest.mark.long
def test_a_rolling_restart_fails_no_request(fleet, proxy, committed):
    results = replaced_under_load(fleet, proxy, range(COUNT))
    assert set(results) == {("POST", 201), ("GET", 200)}, results
