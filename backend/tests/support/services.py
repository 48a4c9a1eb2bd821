"""What a test needs of the machine. The one place that decides between skipping and
failing where it is missing.
"""

import os
import shutil
from pathlib import Path

import pytest


def required(found: str | None, reason: str) -> str:
    """What was found. Where there is nothing the test is skipped, unless
    REQUIRE_SERVICES asks for every service.
    """
    if found:
        return found
    if os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str:
    """The path of the first of these programs that there is."""
    return required(
        next(filter(None, map(shutil.which, names)), None), f"{names[0]} is not on this machine"
    )


def data(file: Path) -> Path:
    """It lies beside the project on some machines only, and nothing installs it:
    elsewhere the test is skipped.
    """
    if not file.exists():
        pytest.skip(f"{file.name} is not beside the project")
    return file
