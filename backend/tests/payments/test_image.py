"""What the production image has is all that the application reads. There is no Docker engine here to build it."""

import re
import shutil
import subprocess
import sys

import pytest

from app.core.config import ROOT
from tests.core.test_settings import SAFE

pytestmark = pytest.mark.only("sqlite")  # no database is asked
READ = """
import app.main, app.worker
from app.routers.payments import catalogue
print(len(app.main.app.openapi()["paths"]) > 20, len(catalogue.read()) > 1)
"""


@pytest.fixture
def image(tmp_path):
    """The folder that the second stage of the Dockerfile makes, of what .dockerignore lets through."""
    folder = tmp_path / "srv" / "backend"
    folder.mkdir(parents=True)
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = [rule[1:] for rule in rules if rule.startswith("!")]
    stage = (ROOT / "backend" / "Dockerfile").read_text("utf-8").rpartition("FROM ")[2]
    for sources, target in re.findall(r"^COPY (backend/.*) (\S+)$", stage, re.MULTILINE):
        for pattern in sources.split():
            for source in ROOT.glob(pattern):
                if source.relative_to(ROOT).as_posix() not in sent:
                    continue
                if source.is_dir():
                    shutil.copytree(source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, folder / target)
    return folder


def test_the_application_its_migrations_and_its_plans_are_in_the_image(image):
    def run(*arguments):
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=image, env=SAFE, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    assert sorted(path.name for path in image.iterdir()) == ["alembic", "alembic.ini", "app", "plans.toml"]
    assert run("-c", READ).split() == ["True", "True"]
    assert "CREATE TABLE users" in run("-m", "alembic", "upgrade", "head", "--sql")
