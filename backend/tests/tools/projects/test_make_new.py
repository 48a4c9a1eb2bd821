"""Developers type `make new` and `make upgrade`."""

import os
import subprocess

import pytest

from tests.tools.projects.conftest import commit
from tools.projects.repository import answer

pytestmark = pytest.mark.long  # each test installs the packages of another tree


def make(folder, *words):
    own = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(
        ["make", *words], cwd=folder, env=own, capture_output=True, text=True, check=False
    )


def test_a_new_project_passes_its_checks_and_takes_an_upgrade(original, tmp_path):
    acme = tmp_path / "acme"
    done = make(original, "new", "name=acmeshop", "title=AcmeShop", f"to={acme}", "without=blog")
    assert done.returncode == 0, done.stderr
    assert not (acme / "backend/app/routers/blog").exists()
    for target in ("lint", "types", "migrations"):
        done = make(acme, target)
        assert done.returncode == 0, done.stdout + done.stderr
    (original / "backend/docs/newer.md").write_text("# A page of Liftoff\n")
    commit(original, "Newer")
    done = make(acme, "upgrade", f"from={original}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (acme / "backend/docs/newer.md").read_text() == "# A page of AcmeShop\n"
    assert not (acme / "backend/app/routers/blog").exists()
    assert answer(acme, "status", "--porcelain") == ""
    again = make(acme, "upgrade", f"from={original}")
    assert again.returncode != 0
    assert "already at the newest version" in again.stderr
