"""A copy of the project in its own repository, to generate and remove features."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.trees import SETTINGS, Tree

SERVICES = (
    "POSTGRES_TEST_URL",
    "MYSQL_TEST_URL",
    "REDIS_TEST_URL",
    "RABBITMQ_TEST_URL",
    "REQUIRE_SERVICES",
)


class Repository(Tree):
    """A copy of the project, committed in a git repository."""

    def __init__(self, folder):
        super().__init__(folder)
        self.git("init", "-q")
        self.commit("the project")

    def git(self, *arguments):
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.root, capture_output=True, text=True, check=True
        )
        return done.stdout

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    @property
    def status(self):
        return self.git("status", "--porcelain", "--untracked-files=all").splitlines()

    def scaffold(self, command, **options):
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return self.python("-m", "scaffold", command, *arguments)

    def made(self, command, **options):
        done = self.scaffold(command, **options)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def runs(self, *arguments, **variables):
        """Run a program that must succeed, and return what it printed."""
        services = {name: os.environ[name] for name in SERVICES if name in os.environ}
        done = self.python(*arguments, timeout=900, **services, **variables)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        return done.stdout

    def shell(self, command):
        """Run a command of a page as a reader types it.

        `make` uses the packages of this test run as if they were in its own `.venv`.
        """
        own = {
            name: value
            for name, value in os.environ.items()
            if name in ("PATH", "HOME", "XDG_RUNTIME_DIR")
        }
        typed = re.sub(r"^make ", "make -o .venv/.installed ", command)
        done = subprocess.run(
            ["sh", "-c", typed],
            cwd=self.root,
            env=own | SETTINGS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-3000:])
        return done.stdout


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "liftoff")


@pytest.fixture
def repository_with_venv(repository):
    """A repository whose `.venv/bin/python` is the Python of this run."""
    bin_folder = repository.root / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    python = bin_folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    return repository
