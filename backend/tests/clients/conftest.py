"""The TypeScript client, compiled to JavaScript."""

import subprocess

import pytest

from tests.support import npm
from tools.client import CLIENT


def run(*command: str) -> str:
    """Run a program in the client's folder, and return what it printed."""
    done = subprocess.run(
        command, cwd=CLIENT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def built() -> None:
    npm.install(CLIENT)
    run("npm", "run", "js")
