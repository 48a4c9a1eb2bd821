"""The systemd units are valid, protect the machine, and run the commands that the pages
name.

systemd itself does not run here, so no unit is started.
"""

import re
import subprocess
import sys

import pytest

from app.core.config import BACKEND, ROOT
from app.server.supervisor import SHUTDOWN_SECONDS
from tests.support.services import program

pytestmark = pytest.mark.only("sqlite")
FOLDER = BACKEND / "deploy" / "systemd"
UNITS = sorted(path.name for path in FOLDER.iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]
INSTALLED = "/srv/liftoff"
EXPOSURE = 20  # tenths, on the scale of `systemd-analyze security` from 0 (safe) to 100


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """A folder with the units, for an installation in another place."""
    root = tmp_path_factory.mktemp("liftoff")
    (root / "backend").mkdir()
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for name in UNITS:
        text = (FOLDER / name).read_text("utf-8")
        (root / name).write_text(text.replace(INSTALLED, str(root)), "utf-8")
    return root


def analyze(folder, *arguments):
    done = subprocess.run(
        [program("systemd-analyze"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_systemd_accepts_the_units(units):
    assert analyze(units, "verify", *(f"./{name}" for name in UNITS)) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little(units, name):
    options = ("--offline=yes", f"--threshold={EXPOSURE}")
    code, said = analyze(units, "security", *options, f"./{name}")
    assert code == 0, said


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_a_module_of_this_project(name):
    text = (FOLDER / name).read_text("utf-8")
    (module,) = re.findall(
        rf"^ExecStart={INSTALLED}/\.venv/bin/python -m (\S+)", text, re.MULTILINE
    )
    source = BACKEND.joinpath(*module.split("."))
    assert source.with_suffix(".py").is_file() or (source / "__main__.py").is_file()


def test_systemd_waits_longer_than_the_server():
    text = (FOLDER / "liftoff-web@.service").read_text("utf-8")
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert int(seconds) > SHUTDOWN_SECONDS + 5


def test_the_page_names_every_unit():
    page = (ROOT / "backend" / "docs" / "deploying.md").read_text("utf-8")
    assert [name for name in UNITS if name.partition(".")[0] not in page] == []
