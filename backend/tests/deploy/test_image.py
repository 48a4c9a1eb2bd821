"""An image contains everything that its program reads.

There is no Docker engine to build an image, so the tests read the Dockerfile.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys

import httpx2
import pytest

from app.core.config import ROOT
from tests.core.safe_settings import SAFE
from tests.support import patient
from tests.support.server import START_SECONDS, free_port
from tests.support.smtp import wait_until

pytestmark = pytest.mark.only("sqlite")  # these tests use no database
READ = """
import app.main, app.worker
print(len(app.main.app.openapi()["paths"]) > 20)
"""


@pytest.fixture
def image(tmp_path):
    """`image(target)` makes the folder of a Dockerfile target, respecting
    .dockerignore.
    """

    def build(target):
        folder = tmp_path / "srv" / "backend"
        folder.mkdir(parents=True)
        rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        sent = [rule[1:] for rule in rules if rule.startswith("!")]
        for sources, where in re.findall(
            r"^COPY (backend/.*) (\S+)$", stages()[target], re.MULTILINE
        ):
            for pattern in sources.split():
                for source in ROOT.glob(pattern):
                    if source.relative_to(ROOT).as_posix() not in sent:
                        continue
                    if source.is_dir():
                        shutil.copytree(
                            source, folder / where, ignore=shutil.ignore_patterns("__pycache__")
                        )
                    else:
                        (folder / where).parent.mkdir(exist_ok=True)
                        shutil.copy(source, folder / where)
        return folder

    return build


def stages():
    """Return the targets of the Dockerfile by name, in their order."""
    text = (ROOT / "backend" / "Dockerfile").read_text("utf-8")
    return dict(
        re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL)
    )


def test_the_image_holds_the_application_migrations_and_plans(image):
    folder = image(list(stages())[-1])  # Docker builds this target if none is named

    def run(*arguments):
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=folder, env=SAFE, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    files = ["alembic", "alembic.ini", "app", "currencies.toml", "docs", "plans.toml"]
    assert sorted(path.name for path in folder.iterdir()) == files
    assert run("-c", READ).split() == ["True"]
    assert (folder / "plans.toml").read_bytes() == (ROOT / "backend" / "plans.toml").read_bytes()
    assert "CREATE TABLE users" in run("-m", "alembic", "upgrade", "head", "--sql")


@contextlib.contextmanager
def simulator(folder, log, **environment):
    """Run the simulator of an image, and yield its URL. The options are those of
    Compose, except for the state folder.
    """
    port = free_port()
    options = [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--name",
        "simulator",
        "--state",
        str(folder / "state.db"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *options],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(60)


def test_the_simulator_image_serves_other_containers(image, tmp_path):
    folder = image("simulator")
    assert sorted(path.name for path in folder.iterdir()) == ["currencies.toml", "simulator"]
    with simulator(folder, tmp_path / "log", ENVIRONMENT="staging") as (url, _):

        def asked_as(host):
            with contextlib.suppress(httpx2.TransportError):
                return patient.get(
                    f"{url}/v1/customers", auth=("sk_test_x", ""), headers={"Host": host}
                ).status_code
            return None

        wait_until(lambda: asked_as("simulator:8001") == 200, START_SECONDS)
        assert asked_as("rebound.example.com") == 403


def test_the_image_of_the_simulator_refuses_production(image, tmp_path):
    with simulator(image("simulator"), tmp_path / "log", ENVIRONMENT="production") as (_, process):
        assert process.wait(START_SECONDS) == 1
    assert (tmp_path / "log").read_text().endswith("It refuses ENVIRONMENT=production.\n")


def test_each_target_says_in_which_environment_it_runs():
    told = {name: re.findall(r"ENVIRONMENT=(\w+)", text) for name, text in stages().items()}
    assert told == {
        "packages": [],
        "base": [],
        "simulator": ["staging"],
        "application": ["production"],
    }
