"""The programs and services that tests need on the machine.

If one is missing, only this module decides whether the test is skipped or fails.
"""

import os
import shutil
from pathlib import Path

import pytest


def required(found: str | None, reason: str) -> str:
    """Return `found` if it is not `None`. Otherwise, skip the test.

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

    Only some machines have the data, and no command installs it.
    """
    if not file.exists():
        pytest.skip(f"{file.name} is not beside the project")
    return file
