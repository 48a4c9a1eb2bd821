"""Detects changes to `.env` and `plans.toml`, which a reload ignores."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.children import BACKEND
from tools.console import say

if TYPE_CHECKING:
    from app.core.config import Settings

ENV_FILE = BACKEND.parent / ".env"
PLANS = BACKEND / "plans.toml"


class Changed(Exception):
    """The settings have changed, so everything has to start again."""


class Files:
    """The content of `.env` and `plans.toml`.

    Create this before anything else reads the files, so that no later change is missed.
    """

    def __init__(self) -> None:
        self._env, self._plans = _content(ENV_FILE), _content(PLANS)

    def follow(self, settings: "Settings", *, sells: bool) -> None:
        """Check both files for changes. Raises `Changed` if the settings have changed.

        With `sells`, changed plans are sent to Stripe without asking. That is suitable
        only for the simulator.
        """
        if (env := _content(ENV_FILE)) not in (None, self._env):
            self._env = env
            _follow_env(settings)
        if (plans := _content(PLANS)) not in (None, self._plans):
            self._plans = plans
            _follow_plans(sells=sells)


def _follow_env(settings: "Settings") -> None:
    from app.core.config import get_settings

    get_settings.cache_clear()
    try:
        changed = get_settings() != settings
    except SystemExit as wrong:
        say(f".env has changed. {wrong}")
        say("Until you fix that, everything continues with the previous settings.")
        return
    if changed:
        say(".env has changed. Everything starts again.")
        raise Changed


def _follow_plans(*, sells: bool) -> None:
    if not sells:
        say(
            "plans.toml has changed. make plans-sync shows what Stripe needs. make plans-sync "
            "apply=yes creates it."
        )
        return
    say("plans.toml has changed:")
    command = [
        sys.executable,
        "-m",
        "app.routers.payments.operations.commands",
        "plans-sync",
        "--apply",
    ]
    subprocess.run(command, cwd=BACKEND, check=False)  # the command prints what it did, or an error


def _content(file: Path) -> bytes | None:
    """Return the content, or `None` if the file is missing.

    A file may be missing for a moment, because some editors replace it.
    """
    try:
        return file.read_bytes()
    except OSError:
        return None
