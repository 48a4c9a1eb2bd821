"""A feature is a folder: without `app/routers/blog` and its tests everything else starts and passes.

As `docs/adding-a-feature.md` says it: delete the two folders, and make the migration that drops the tables.
"""

import os
import shutil
import subprocess
import sys

import pytest

from app.core.config import ROOT

pytestmark = pytest.mark.only("sqlite")

PROBE = """
from fastapi.testclient import TestClient
from app.main import app
with TestClient(app) as client:
    print(f"ready {client.get('/health/ready').status_code}, posts {client.get('/blog/posts').status_code}")
    print(f"blog in OpenAPI: {any('blog' in path for path in app.openapi()['paths'])}")
"""
OURS = ("COV", "PYTEST", "LIFTOFF_", "DATABASE_", "WORKER_", "REDIS_", "REQUIRE_SERVICES")  # this run's own variables


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The tree as git would take it, without blog, in a repository of its own; a function that runs Python in it."""
    folder = tmp_path_factory.mktemp("without") / "liftoff"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for part in ("app/routers/blog", "tests/blog"):
        shutil.rmtree(folder / "backend" / part)
    for command in ("init", "add ."):  # tests that copy the tree once more ask git what belongs to it
        subprocess.run(["git", *command.split()], cwd=folder, capture_output=True, check=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment = kept | {"DATABASE_URL": f"sqlite:///{folder / 'without_test.db'}", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder / "backend",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout

    run("-m", "alembic", "upgrade", "head")
    run("-m", "alembic", "revision", "--autogenerate", "-m", "drop blog")
    run("-m", "alembic", "upgrade", "head")
    return run


def test_it_migrates_and_starts_and_knows_no_posts(copy):
    copy("-m", "alembic", "check")
    lines = copy("-c", PROBE).splitlines()
    assert {"ready 200, posts 404", "blog in OpenAPI: False"} <= set(lines)


@pytest.mark.slow
def test_the_rest_of_the_suite_passes(copy):
    left_out = [f"--ignore=tests/{name}" for name in ("test_without_blog.py", "tools")]  # itself, and what makes .venv
    report = copy("-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "-m", "not slow", *left_out, "tests")
    assert " passed" in report.splitlines()[-1]
