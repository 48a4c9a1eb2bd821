"""The services of the machine that tests need.

This is the only place that decides between skipping and failing if one is missing.
"""

import os
import shutil
from pathlib import Path

import pytest


def required(found: str | None, reason: str) -> str:
    """Return what was found. Otherwise, skip the test.

    If REQUIRE_SERVICES requires every service, the test fails instead.
    """
    if found:
        return found
    if os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str:
    """Return the path of the first of these programs that exists."""
    return required(
        next(filter(None, map(shutil.which, names)), None), f"{names[0]} is not on this machine"
    )


def data(file: Path) -> Path:
    """Return the path of data next to the project, or skip the test.

    Only some machines have it, and nothing installs it.
    """
    if not file.exists():
        pytest.skip(f"{file.name} is not beside the project")
    return file
