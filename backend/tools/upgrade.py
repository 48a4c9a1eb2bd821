"""The program behind `make upgrade`: merge a newer version of the original project.

`.liftoff.toml` says where the original is. This program clones it, and runs the newest
version of the merging program from the clone.
"""

import argparse
import subprocess
import tempfile
import tomllib
from pathlib import Path

from tools.console import Problem, run, step

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    options = argparse.ArgumentParser(prog="make upgrade", description=__doc__)
    options.add_argument("--from", dest="source", help="a path or URL that git can clone")
    source = options.parse_args().source or known_source()
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "newest"
        with step(f"cloned {source}"):
            copy(source, clone)
        words = [f"project={ROOT}", f"source={source}"]
        command = ["make", "--no-print-directory", "--silent", "upgrade-project", *words]
        return subprocess.run(command, cwd=clone, check=False).returncode


def known_source() -> str:
    """Return the place of the original. Raises `Problem` if no file says where the
    original is.
    """
    try:
        return str(tomllib.loads((ROOT / ".liftoff.toml").read_text("utf-8"))["source"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        raise Problem(
            "This project has no .liftoff.toml that names its source. Only projects made by make "
            "new can be upgraded."
        ) from None


def copy(source: str, target: Path) -> None:
    """Clone a repository. Raises `Problem` with git's own message."""
    where = str(ROOT / source) if not ("://" in source or source.startswith("git@")) else source
    done = subprocess.run(
        ["git", "clone", "--quiet", where, str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Problem(f"{source} cannot be cloned: {done.stderr.strip()}")


if __name__ == "__main__":
    run(main)
