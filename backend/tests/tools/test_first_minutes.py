"""If something is missing on a newcomer's machine, one clear line says what to do."""

import os
import re
import socket
import subprocess

import pytest

from app.core.config import get_settings
from app.server import listening
from app.server.listening import addresses
from simulator.state.file import StateFile
from tests.support.server import free_port
from tests.support.trees import Tree
from tools.dev import api_url
from tools.env_file import write_env_file

# With these settings, an installer behaves as on a machine without a network: no server
# listens at the address of the index, and the installer makes few attempts.
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
    """Return the only line that a failed run has printed."""
    lines = [line for line in run.stderr.splitlines() if line]
    assert run.returncode != 0
    assert len(lines) == 1, run.stderr
    assert "Traceback" not in run.stdout
    return lines[0]


def test_a_python_that_is_too_old_is_told_so(tree):
    old = (
        "import sys; sys.version_info = (3, 9, 18, 'final', 0); sys.path.insert(0, ''); import "
        "tools.bootstrap"
    )
    line = said(tree.python("-c", old))
    assert line.startswith("Liftoff needs Python 3.11 or newer; this is 3.9.18 at ")
    assert "make PYTHON=" in line


def test_the_check_of_the_version_parses_on_every_python(tree):
    """Old versions compile the whole file before they run its first line."""
    source = (tree.backend / "tools" / "bootstrap.py").read_text()
    head = source.split("from tools.console")[0]
    assert not any(new in head for new in ('f"', "match ", ":=", " -> ", "async "))


def test_without_a_network_the_installer_says_so(tree):
    line = said(tree.python("-m", "tools.bootstrap", **OFFLINE))
    assert line.startswith(
        "No network: the packages could not be downloaded. Connect, and run make again."
    )
    assert (tree.root / ".venv" / "install.log").stat().st_size


def test_a_port_that_is_taken_is_named_with_a_way_out(tree):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = str(free_port())
        line = said(tree.python("-m", "tools.dev", PORT=str(port), SIMULATOR_PORT=other))
    assert line.startswith(f"Port {port} is taken")
    (free,) = re.findall(rf"or run: make dev PORT=(\d+) SIMULATOR_PORT={other}$", line)
    assert int(free) > port


def test_so_is_the_port_of_the_simulator(tree):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = said(tree.python("-m", "tools.dev", PORT=str(free_port()), SIMULATOR_PORT=str(port)))
        other = tree.python(
            "-m", "tools.dev", PORT=str(port), SIMULATOR_PORT=str(port), HOST="127.0.0.2"
        )
    assert line.startswith(f"Port {port} is taken")
    assert re.search(r"or run: make dev PORT=\d+ SIMULATOR_PORT=\d+$", line)
    assert said(other).startswith("PORT and SIMULATOR_PORT are both")


@pytest.mark.parametrize("address", sorted(addresses("localhost")))  # a machine may have no IPv6
def test_a_second_checkout_is_told_two_ports_that_are_free(tree, address):
    """Either address of `localhost` may be in use. The suggested ports differ."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.create_server((address, 0), family=family) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
    ):
        taken = [one.getsockname()[1] for one in (first, second)]
        ports = dict(zip(("PORT", "SIMULATOR_PORT"), map(str, taken), strict=True))
        line = said(tree.python("-m", "tools.dev", **ports))
        free = [int(port) for port in re.findall(r"PORT=(\d+)", line)]
        for port in free:
            for one in listening.bind("localhost", port):
                one.close()
    assert line.startswith(f"Port {taken[0]} is taken by ")
    assert f", port {taken[1]} is taken by " in line
    assert len({*free, *taken}) == 4


def test_a_second_make_dev_in_one_clone_says_so_at_once(tree):
    """The ports are checked only later, because other ports would not help."""
    first = StateFile(tree.root / ".data" / "simulator.db")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = said(tree.python("-m", "tools.dev", PORT=port))
    assert line.startswith(
        "Another make dev is running in this clone and keeps .data/simulator.db open. End it,"
    )
    assert "its own PORT, SIMULATOR_PORT and SIMULATOR_STATE" in line
    elsewhere = tree.python(
        "-m", "tools.dev", PORT="1", SIMULATOR_STATE="other/simulator.db", HOST="192.0.2.1"
    )
    assert said(elsewhere).startswith("HOST=192.0.2.1 is not an address of this machine")
    assert (tree.root / "other" / "simulator.db").exists()
    first.close()


def test_a_database_that_is_away_is_one_line(tree):
    url = "postgresql://nobody:secret-of-the-url@127.0.0.1:9/nothing"
    ports = {"PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    line = said(tree.python("-m", "tools.dev", DATABASE_URL=url, LOG_LEVEL="error", **ports))
    assert line.startswith("DATABASE_URL cannot be used: ")
    assert "secret-of-the-url" not in line


WRONG_URLS = {
    "sqlite://": "SQLite needs a file",
    "oracle://u:secret-of-the-url@h/x": "oracle is not supported; use PostgreSQL, MySQL or SQLite",
    "postgresql://u:secret-of-the-url@host:port/db": "the port after the host must be a number",
    "postgresql+asyncpg://u:secret-of-the-url@h/x": "the driver asyncpg is not supported; write "
    "postgresql://",
}


@pytest.mark.parametrize("url", WRONG_URLS)
@pytest.mark.parametrize("command", ["tools.dev", "app.server", "alembic upgrade head"])
def test_every_program_refuses_an_impossible_database_url(tree, command, url):
    line = said(tree.python("-m", *command.split(), DATABASE_URL=url))
    assert line.startswith(
        f"Liftoff cannot start with this setting: DATABASE_URL: {WRONG_URLS[url]}"
    )
    assert "secret-of-the-url" not in line


@pytest.mark.parametrize("command", ["tools.dev", "app.server", "alembic upgrade head"])
def test_so_is_a_folder_that_cannot_be_made(tree, command):
    (tree.root / ".data").touch()
    line = said(tree.python("-m", *command.split(), LOG_LEVEL="error", PORT=str(free_port())))
    assert line.startswith(f"The database file {tree.root}/.data/liftoff.db cannot be written: ")
    assert "is not a folder. Fix that, or name another file in DATABASE_URL" in line


def test_a_database_file_that_cannot_be_opened_is_one_line(tree):
    line = said(
        tree.python(
            "-m", "tools.dev", DATABASE_URL=f"sqlite:///{tree.backend}", PORT=str(free_port())
        )
    )
    assert line.startswith(f"The database file {tree.backend} cannot be written: ")


NO_SETTINGS = {"ENVIRONMENT": "", "SECRET_KEY": ""}
KEY = "SECRET_KEY=a-key-of-a-file-that-somebody-wrote-by-hand\n"


@pytest.mark.parametrize(
    ("content", "start"),
    [
        (KEY, "make dev is for development. Set ENVIRONMENT=development in .env"),
        (
            KEY + "ENVIRONMENT=production\n",
            "make dev is for development. Set ENVIRONMENT=development in .env",
        ),
        ("", ".env is empty. Remove it, and make dev writes a new one."),
        ("\n \n", ".env is empty. Remove it, and make dev writes a new one."),
        (
            "ENVIRONMENT=development\n",
            "Liftoff cannot start with this setting: SECRET_KEY: is not set, in .env or ",
        ),
        (
            KEY + "ENVIRONMENT=staging\n",
            "make dev is for development. Set ENVIRONMENT=development in .env",
        ),
        ("ENVIRONMENT=prod\n", "Liftoff cannot start with this setting: ENVIRONMENT: "),
    ],
)
def test_an_env_file_not_for_development_names_what_is_missing(tree, content, start):
    (tree.root / ".env").write_text(content)
    assert said(tree.python("-m", "tools.dev", **NO_SETTINGS)).startswith(start)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
@pytest.mark.parametrize("program", ["tools.dev", "app.server"])
def test_an_env_file_in_another_encoding_is_one_line(tree, program, encoding):
    (tree.root / ".env").write_text(f"# Schlüssel\n{KEY}ENVIRONMENT=development\n", encoding)
    line = said(tree.python("-m", program, **NO_SETTINGS))
    assert line.startswith(f"{tree.root}/.env is not a UTF-8 text file. Save it as UTF-8")


def test_an_env_file_that_is_a_folder_is_told_so(tree):
    (tree.root / ".env").mkdir()
    assert said(tree.python("-m", "tools.dev", **NO_SETTINGS)) == (
        ".env is a folder. Remove it, and make dev writes the file."
    )
    line = said(tree.python("-m", "app.server", **NO_SETTINGS))
    assert line.endswith(
        "SECRET_KEY: is not set, and .env is a folder. Remove the folder and let `make dev` "
        "write the file"
    )


def test_without_an_example_no_env_file_can_be_written(tree):
    (tree.root / ".env.example").unlink()
    line = said(tree.python("-m", "tools.dev", **NO_SETTINGS))
    assert line == ".env.example cannot be read. Restore it: git checkout .env.example"
    assert not (tree.root / ".env").exists()


def test_an_unwritable_virtual_environment_is_one_line_of_error(tree):
    (tree.root / ".venv").write_text("no folder")
    line = said(tree.python("-m", "tools.bootstrap", **OFFLINE))
    assert line.startswith(f".venv cannot be written: {tree.root}/.venv")
    assert line.endswith("Become its owner or remove it, and run make again.")


def test_a_clone_may_be_in_a_folder_of_any_name(tmp_path):
    name = "50%off 100%(here)s what?"
    tree = Tree(tmp_path / name)
    done = tree.python("-m", "alembic", "upgrade", "head")
    assert done.returncode == 0, done.stderr
    done = tree.python("-c", "from app.cli import migrate, seed; migrate(); seed()")
    assert done.returncode == 0, done.stderr
    assert (tree.root / ".data" / "liftoff.db").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost", "http://localhost:8320/api"),
        ("127.0.0.1", "http://localhost:8320/api"),
        ("0.0.0.0", "http://localhost:8320/api"),  # noqa: S104 - nothing listens in this test
        ("::1", "http://[::1]:8320/api"),
    ],
)
def test_an_address_of_ipv6_stands_in_brackets(host, url):
    settings = get_settings().model_copy(update={"host": host, "port": 8320, "api_prefix": "/api"})
    assert api_url(settings) == url


def test_the_billing_story_says_what_it_needs(tree):
    write_env_file(tree.root)
    ports = {"PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    line = said(tree.python("-m", "tools.demo_billing", ENVIRONMENT="development", **ports))
    assert line.startswith("No server responds at http://127.0.0.1:")
    assert "Run `make dev` first" in line


def test_the_env_file_gets_its_own_secret_and_is_kept(tree):
    write_env_file(tree.root)
    first = (tree.root / ".env").read_text()
    key = next(line for line in first.splitlines() if line.startswith("SECRET_KEY="))
    assert len(key) > len("SECRET_KEY=") + 40
    assert (tree.root / ".env").stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        write_env_file(tree.root)
    assert (tree.root / ".env").read_text() == first


def test_make_shows_its_help(tree):
    """`make` is the only task runner. It lists its targets with descriptions."""
    help_text = subprocess.check_output(["make", "-C", tree.root], text=True, env=os.environ)
    for target in (
        "dev",
        "test [only=blog]",
        "run",
        "migrate",
        'migration m="',
        "downgrade",
        "superuser",
        "check",
    ):
        assert f"make {target}" in help_text
