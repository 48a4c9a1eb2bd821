"""Create a repository of this project as the original, and a new project that is made
from the original.
"""

import subprocess

import pytest

from tests.support.trees import Tree
from tools.projects.creation import create
from tools.projects.names import checked_name
from tools.projects.repository import git

NAME = checked_name("abcdefghijklmn", "AbcdefgHijklmn")  # as long as possible


@pytest.fixture(autouse=True)
def identity(monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")


def commit(folder, message):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


@pytest.fixture(scope="session")
def first_version(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("original") / "liftoff")
    own = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*own, "commit", "--quiet", "-m", "First"],
    ):
        subprocess.run(["git", *words], cwd=tree.root, check=True)
    return tree.root


@pytest.fixture(scope="session")
def new_project(first_version, tmp_path_factory):
    target = tmp_path_factory.mktemp("projects") / "new"
    create(first_version, target, NAME, ())
    return target


@pytest.fixture
def original(first_version, tmp_path):
    """A clone of the original, to which a test adds commits."""
    git(tmp_path, "clone", "--quiet", str(first_version), "original")
    return tmp_path / "original"


@pytest.fixture
def project(new_project, tmp_path):
    """A clone of the new project, such as another developer would have."""
    git(tmp_path, "clone", "--quiet", str(new_project), "project")
    return tmp_path / "project"
