"""A new project has its own name everywhere, and one commit."""

import subprocess
import sys

import pytest

from tests.tools.projects.conftest import NAME
from tools.console import Problem
from tools.projects.creation import create
from tools.projects.origin import origin_of
from tools.projects.repository import answer, git

pytestmark = pytest.mark.slow

MENTIONS = r"(?<!\.)liftoff|liftoff(?!\.toml)"  # anything but the file that upgrades need


def test_nothing_but_the_licence_mentions_liftoff(new_project):
    found = git(new_project, "grep", "-i", "--perl-regexp", "--files-with-matches", MENTIONS)
    assert set(found.stdout.split()) == {"LICENSE", ".liftoff.toml"}
    assert "Liftoff contributors" in (new_project / "LICENSE").read_text()
    assert not [path for path in answer(new_project, "ls-files").split() if "liftoff/" in path]


def test_the_commit_contains_everything_and_says_its_origin(new_project, first_version):
    commit = answer(first_version, "rev-parse", "HEAD")
    assert answer(new_project, "status", "--porcelain", "--ignored") == ""
    assert answer(new_project, "rev-list", "--count", "HEAD") == "1"
    assert f"Made-From: {commit}" in answer(new_project, "log", "--format=%B")
    origin = origin_of(new_project)
    assert (origin.source, origin.commit, origin.name) == (str(first_version), commit, NAME)


def test_the_style_is_right_however_long_the_name_is(new_project):
    for words in (["check", "--no-cache", "."], ["format", "--no-cache", "--check", "."]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words],
            cwd=new_project / "backend",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_programs_stay_executable(new_project, first_version):
    def programs(folder):
        listed = answer(folder, "ls-files", "--stage").splitlines()
        return {line.split("\t")[1] for line in listed if line.startswith("100755")}

    assert programs(new_project) == programs(first_version)


def test_a_folder_with_files_is_refused(first_version, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Problem, match="is not empty"):
        create(first_version, tmp_path, NAME, ())
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_an_unknown_feature_leaves_nothing_behind(first_version, tmp_path):
    with pytest.raises(Problem, match="There is no feature nothing"):
        create(first_version, tmp_path / "new", NAME, ("nothing",))
    assert list(tmp_path.iterdir()) == []
