"""What `make dev` does when a file changes that the server's reload does not look at: `.env` and `plans.toml`."""

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
    """The settings are others than at the start, so everything has to start again."""


class Files:
    """The content of the two files. Make this before anything else reads them, and no later change is missed."""

    def __init__(self) -> None:
        self._env, self._plans = _content(ENV_FILE), _content(PLANS)

    def follow(self, settings: "Settings", *, sells: bool) -> None:
        """Look at both files. With `sells`, changed plans go to Stripe unasked: fine for the simulator alone.

        Raises `Changed`.
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
        say("Until that is mended, everything goes on with the settings from before.")
        return
    if changed:
        say(".env has changed: everything starts again.")
        raise Changed


def _follow_plans(*, sells: bool) -> None:
    if not sells:
        say("plans.toml has changed: make plans-sync shows what Stripe needs, make plans-sync apply=yes does it.")
        return
    say("plans.toml has changed:")
    command = [sys.executable, "-m", "app.routers.payments.commands", "plans-sync", "--apply"]
    subprocess.run(command, cwd=BACKEND, check=False)  # it says what it did, or what is wrong


def _content(file: Path) -> bytes | None:
    """None while it is not there: some editors replace a file by a new one."""
    try:
        return file.read_bytes()
    except OSError:
        return None
