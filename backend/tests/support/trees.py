"""A copy of this project that a test can change, without the files that git ignores.

The copy has all files that are committed or can be added to git.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from app.core.config import ROOT

SETTINGS = {"ENVIRONMENT": "development", "SECRET_KEY": "a secret of a copied tree: 1a2b3c4d5e6f"}


class Tree:
    """A copy of the project below `folder`, with its own SQLite file."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.backend = folder / "backend"
        listed = subprocess.check_output(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            text=True,
        )
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():  # git also lists a file whose deletion is not committed yet
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target)

    def python(
        self, *arguments: str, timeout: float = 600, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a module in `backend/` with the settings of a developer.

        The environment of this test run is not used.
        """
        own = {
            name: value
            for name, value in os.environ.items()
            if name in ("PATH", "HOME", "XDG_RUNTIME_DIR")
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.backend,
            env={**own, **SETTINGS, **variables},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
