"""A developer's server follows every change of the code, and shows errors in the
browser.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import psutil
import pytest

from app.server import listening, reloader
from tests.support.server import START_SECONDS, free_port
from tests.support.smtp import wait_until
from tests.support.trees import SETTINGS, Tree

pytestmark = pytest.mark.only("sqlite")  # these tests use no database

PAGE = {"Accept": "text/html,application/xhtml+xml"}


class Server:
    """`python -m app.server --reload` in a copy of the project."""

    def __init__(self, tree):
        self.tree, self.port, self.log = tree, free_port(), tree.root / "server.log"
        self.url = f"http://localhost:{self.port}"
        own = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.server", "--reload"],
                cwd=tree.backend,
                env={**own, **SETTINGS, "PORT": str(self.port)},
                stdout=log,
                stderr=log,
            )

    def get(self, path="/health/live", **headers):
        """Return the response, or `None` while no server listens."""
        try:
            return httpx2.get(f"{self.url}{path}", headers=headers, timeout=START_SECONDS)
        except httpx2.TransportError:
            return None

    def serves(self):
        return (answer := self.get()) is not None and answer.status_code == 200

    def fails(self):
        return (answer := self.get()) is not None and answer.status_code == 500


@pytest.fixture
def server(tmp_path):
    tree = Tree(tmp_path / "clone")
    assert tree.python("-m", "alembic", "upgrade", "head").returncode == 0
    server = Server(tree)
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.process.terminate()
    server.process.wait(60)


@pytest.mark.slow
def test_what_is_wrong_stands_in_the_browser_until_it_is_mended(server):
    """The error may be in a feature, in code that every feature needs, in the server's
    own code, or may occur at the start.
    """
    wait_until(server.serves, START_SECONDS)
    app = server.tree.backend / "app"
    for file, wrong, said in (
        (app / "routers" / "blog" / "service.py", "def broken(:\n", ["service.py:", "SyntaxError"]),
        (
            app / "core" / "config.py",
            "import nonsense_module\n",
            ["app/core/config.py:", "nonsense_module"],
        ),
        (
            app / "db" / "capacity.py",
            "def check_capacity(_):\n    raise SystemExit('<no & capacity>')\n",
            [],
        ),
    ):
        whole = file.read_text()
        file.write_text(f"{whole}\n{wrong}")
        wait_until(server.fails, START_SECONDS)
        page = server.get("/docs", **PAGE)
        assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
        assert all(words in page.text for words in ["Liftoff cannot start", *said])
        assert "<no & capacity>" not in page.text
        problem = server.get("/blog/posts")
        assert problem.headers["content-type"] == "application/problem+json"
        assert all(words in problem.json()["detail"] for words in said[:1])
        assert "service.py" not in server.get("/docs", **PAGE, Host="evil.example").text
        file.write_text(whole)
        wait_until(server.serves, START_SECONDS)


@pytest.mark.slow
def test_a_file_saved_while_the_reloader_is_busy_is_noticed(server):
    """The test stops the reloader right after it has started the server:

        reloader    start the server   (stopped)            (goes on)   looks: changed
        developer                                 saves

    A reloader that begins to watch only when it first looks would assume that the
    server has read the saved file.
    """
    wait_until(lambda: psutil.Process(server.process.pid).children(), START_SECONDS)
    server.process.send_signal(signal.SIGSTOP)
    wait_until(server.serves, START_SECONDS)
    health = server.tree.backend / "app" / "platform" / "monitoring" / "health.py"
    health.write_text(health.read_text().replace('"/live"', '"/moved"'))
    server.process.send_signal(signal.SIGCONT)
    wait_until(
        lambda: (answer := server.get("/health/moved")) is not None and answer.is_success,
        START_SECONDS,
    )


def test_every_kind_of_change_is_seen(tmp_path):
    """The hardest kind of change is a new folder that already has files when it
    appears.

    The file system reports the folder too late to report its files.
    """
    code = tmp_path / "code"
    (code / "__pycache__").mkdir(parents=True)
    file = code / "one.py"
    file.write_text("1")
    states = [reloader.code_in(code)]

    def seen():
        states.append(reloader.code_in(code))
        return [Path(path).name for path in reloader.changed(states[-2], states[-1])]

    for other in (
        code / "__pycache__" / "one.cpython-311.py",
        code / ".hidden.py",
        code / "notes.md",
    ):
        other.write_text("1")
    assert seen() == []
    os.utime(file, ns=(time.time_ns(), time.time_ns() + 10**9))
    assert seen() == ["one.py"]
    (code / "new").write_text("2")
    (code / "new").replace(file)  # editors save a file like this
    assert seen() == ["one.py"]
    (code / "package").mkdir()
    (code / "package" / "two.py").touch()
    assert seen() == ["two.py"]
    (code / "package" / "two.py").unlink()
    assert seen() == ["two.py"]
    assert reloader.code_in(tmp_path / "removed") == {}


def test_localhost_is_both_of_its_addresses():
    port = free_port()
    bound = listening.bind("localhost", port)
    try:
        assert [one.getsockname()[:2] for one in bound] == [
            (address, port) for address in listening.addresses("localhost")
        ]
        assert bound[0].getsockname()[0] == "127.0.0.1"
    finally:
        for one in bound:
            one.close()
    assert listening.addresses("192.0.2.1") == ("192.0.2.1",)


def test_a_port_that_is_taken_ends_the_start_with_one_line():
    port = free_port()
    bound = listening.bind("127.0.0.1", port)
    bound[0].listen()
    with pytest.raises(
        SystemExit,
        match=f"The server cannot listen on PORT {port} of HOST 127.0.0.1: Address already in use",
    ):
        listening.bind("localhost", port)
    bound[0].close()
