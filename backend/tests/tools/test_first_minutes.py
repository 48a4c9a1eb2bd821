"""What a newcomer meets when something is missing: one clear line that says what to do."""

import os
import socket
import subprocess

import pytest

from tests.support.server import free_port
from tests.support.trees import Tree
from tools.env_file import write_env_file

# No server listens there, and little is tried twice: what a machine without a network looks like to an installer.
OFFLINE = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "1",
    "PIP_NO_CACHE_DIR": "1",
    "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
    "UV_HTTP_RETRIES": "0",
    "UV_NO_CACHE": "1",
}


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "clone")


def said(run):
    """The one line of a run that failed."""
    lines = [line for line in run.stderr.splitlines() if line]
    assert run.returncode != 0
    assert len(lines) == 1, run.stderr
    assert "Traceback" not in run.stdout
    return lines[0]


def test_a_python_that_is_too_old_is_told_so(tree):
    old = "import sys; sys.version_info = (3, 9, 18, 'final', 0); sys.path.insert(0, ''); import tools.bootstrap"
    line = said(tree.python("-c", old))
    assert line.startswith("Liftoff needs Python 3.11 or newer; this is 3.9.18 at ")
    assert "make PYTHON=" in line


def test_the_check_of_the_version_parses_on_every_python(tree):
    """Old ones compile the whole file before they run its first line."""
    source = (tree.backend / "tools" / "bootstrap.py").read_text()
    head = source.split("from tools.console")[0]
    assert not any(new in head for new in ('f"', "match ", ":=", " -> ", "async "))


def test_without_a_network_the_installer_says_so(tree):
    line = said(tree.python("-m", "tools.bootstrap", **OFFLINE))
    assert line.startswith("No network: the packages could not be downloaded. Connect and run make again.")
    assert (tree.root / ".venv" / "install.log").stat().st_size


def test_a_port_that_is_taken_is_named_with_a_way_out(tree):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = said(tree.python("-m", "tools.dev", PORT=str(port)))
    assert line.startswith(f"Port {port} is taken")
    assert line.endswith(f"make dev PORT={port + 1}")


def test_so_is_the_port_of_the_simulator(tree):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = said(tree.python("-m", "tools.dev", PORT=str(free_port()), SIMULATOR_PORT=str(port)))
        other = tree.python("-m", "tools.dev", PORT=str(port), SIMULATOR_PORT=str(port), HOST="127.0.0.2")
    assert line.startswith(f"Port {port} is taken")
    assert line.endswith(f"make dev SIMULATOR_PORT={port + 1}")
    assert said(other).startswith("PORT and SIMULATOR_PORT are both")


def test_a_database_that_is_away_is_one_line(tree):
    url = "postgresql://nobody:secret-of-the-url@127.0.0.1:9/nothing"
    ports = {"PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    line = said(tree.python("-m", "tools.dev", DATABASE_URL=url, LOG_LEVEL="error", **ports))
    assert line.startswith("DATABASE_URL cannot be used: ")
    assert "secret-of-the-url" not in line


def test_the_billing_story_says_what_it_needs(tree):
    write_env_file(tree.root)
    ports = {"PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    line = said(tree.python("-m", "tools.demo_billing", ENVIRONMENT="development", **ports))
    assert line.startswith("Nothing answers at http://127.0.0.1:")
    assert "run `make dev` first" in line


def test_the_env_file_has_a_secret_of_its_own_and_is_never_overwritten(tree):
    write_env_file(tree.root)
    first = (tree.root / ".env").read_text()
    key = next(line for line in first.splitlines() if line.startswith("SECRET_KEY="))
    assert len(key) > len("SECRET_KEY=") + 40
    assert (tree.root / ".env").stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        write_env_file(tree.root)
    assert (tree.root / ".env").read_text() == first


def test_make_shows_its_help(tree):
    """`make` is the only task runner: its targets are listed with what they do."""
    help_text = subprocess.check_output(["make", "-C", tree.root], text=True, env=os.environ)
    for target in ("dev", "test [only=blog]", "run", "migrate", 'migration m="', "downgrade", "superuser", "check"):
        assert f"make {target}" in help_text
