"""A feature is a folder: everything else works without `blog` or `payments`.

The test follows `docs/adding-a-feature.md`: delete the folder and its tests, and make
the migration that drops the tables.
"""

import os
import shutil
import subprocess
import sys

import pytest

from app.core.config import ROOT

pytestmark = pytest.mark.only("sqlite")

ROUTES = {"blog": "/blog/posts", "payments": "/payments/plans"}
PROBE = """
import sys
from fastapi.testclient import TestClient
from app.main import app
with TestClient(app) as client:
    print("ready", client.get("/health/ready").status_code)
    for route in sys.argv[1:]:
        print(route, client.get(route).status_code, route in app.openapi()["paths"])
"""
OTHERS = (
    "test_without_blog.py",
    "tools",
    "scaffold",
    "simulator",
    "faults",
)  # the copy does not run this file or the tests of other programs
OURS = (
    "COV",
    "PYTEST",
    "LIFTOFF_",
    "DATABASE_",
    "WORKER_",
    "REDIS_",
    "REQUIRE_SERVICES",
)  # prefixes of the variables that belong to this test run


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """`without("blog")` makes a copy of the repository without this feature, and
    returns a function that runs Python there.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    def copy(*features):
        folder = tmp_path_factory.mktemp("without") / "liftoff"
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        for part in (
            f"{place}/{feature}" for place in ("app/routers", "tests") for feature in features
        ):
            shutil.rmtree(folder / "backend" / part)
        for command in (
            "init",
            "add .",
        ):  # some tests copy the tree again, and use git to list its files
            subprocess.run(["git", *command.split()], cwd=folder, capture_output=True, check=True)
        run = runner(folder)
        run("-m", "alembic", "upgrade", "head")
        run("-m", "alembic", "revision", "--autogenerate", "-m", "drop it")
        run("-m", "alembic", "upgrade", "head")
        return run

    return copy


def runner(folder):
    """`run(*arguments)` runs Python in the copy and returns its output.

    If Python fails, the test fails.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment = kept | {"DATABASE_URL": f"sqlite:///{folder / 'without_test.db'}"}

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

    return run


@pytest.mark.parametrize("feature", ROUTES)
def test_it_migrates_and_starts_and_knows_nothing_of_it(without, feature):
    run = without(feature)
    run("-m", "alembic", "check")
    lines = set(run("-c", PROBE, *ROUTES.values()).splitlines())
    expected = {
        f"{route} {404 if name == feature else 200} {name != feature}"
        for name, route in ROUTES.items()
    }
    assert {"ready 200", *expected} <= lines


@pytest.mark.long
def test_the_rest_of_the_suite_passes(without):
    left_out = [f"--ignore=tests/{name}" for name in OTHERS]
    options = ["-q", "-p", "no:cacheprovider", "-n", "2", "-m", "not slow and not long", *left_out]
    report = without(*ROUTES)("-m", "pytest", *options, "tests")
    assert " passed" in report.splitlines()[-1]
