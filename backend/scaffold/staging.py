"""A copy of the project, in which new code is first written and tested.

The real project is changed only if the new code works in the copy.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaffold.problems import Refused
from scaffold.project import BACKEND, settings_for_tools

PARTS = ("app", "alembic", "scaffold", "tools", "alembic.ini", "pyproject.toml")
SINGLE = ("tests/__init__.py", "tests/openapi_snapshots.py")


class Stage:
    """A copy of `backend/` that records which files have changed."""

    def __init__(self, backend: Path) -> None:
        self.backend = backend
        self._before = self._files()

    def _files(self) -> dict[str, bytes]:
        found = (
            path.relative_to(self.backend) for path in self.backend.rglob("*") if path.is_file()
        )
        ours = (
            path
            for path in found
            if not any(part.startswith((".", "__pycache__")) for part in path.parts)
        )
        return {str(path): (self.backend / path).read_bytes() for path in ours}

    def changed(self) -> dict[str, bytes]:
        """Return the new and changed files, by path below `backend/`."""
        return {
            name: content
            for name, content in self._files().items()
            if self._before.get(name) != content
        }

    def existed(self, name: str) -> bool:
        return name in self._before

    def run(self, module: str, *arguments: str) -> None:
        """Run a program in the copy. Raises `Refused` with its output if it fails."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.backend,
            env=os.environ | settings_for_tools() | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no output"]
            raise Refused(
                "The generated code does not work, so none of it was kept: "
                f"{said[-1]}\n{done.stderr[-3000:]}"
            )

    def lint(self) -> None:
        """Raise `Refused` if the generated code breaks a linter rule."""
        names = [name for name in self.changed() if name.endswith(".py")]
        command = [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--no-cache",
            "--output-format=concise",
            *names,
        ]
        done = subprocess.run(
            command, cwd=self.backend, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Refused(
                "The linter refuses the code that these fields produce, so none of it was "
                f"kept:\n{done.stdout}"
            )


@contextmanager
def staged(*more: str) -> Iterator[Stage]:
    """Yield a copy of the project, and remove the copy afterwards.

    `more` are additional paths below `backend/` to copy.
    """
    with tempfile.TemporaryDirectory(prefix="liftoff-scaffold-") as folder:
        backend = Path(folder) / "backend"
        for name in (*PARTS, *SINGLE, *more):
            source, target = BACKEND / name, backend / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(
                    source, target
                )  # compiled code is copied, too, and stays valid because file times are preserved
            elif source.is_file():
                shutil.copy2(source, target)
        yield Stage(backend)


def keep(new: dict[str, bytes]) -> None:
    """Write new files into the project: all of them, or none.

    The files must not exist yet.
    """
    written: list[Path] = []
    folders: list[Path] = []
    try:
        for name, content in new.items():
            path = BACKEND / name
            for folder in reversed([folder for folder in path.parents if not folder.exists()]):
                folder.mkdir()
                folders.append(folder)
            with path.open("xb") as file:
                written.append(path)
                file.write(content)
    except BaseException as error:  # including Ctrl-C
        for path in written:
            path.unlink()
        for folder in reversed(folders):
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise Refused(f"Nothing was changed: {error}") from error
        raise


def replace_files(files: dict[str, bytes]) -> None:
    """Overwrite existing files and add new files: all of them, or none."""
    before = {name: (BACKEND / name).read_bytes() for name in files if (BACKEND / name).exists()}
    try:
        for name, content in files.items():
            (BACKEND / name).write_bytes(content)
    except BaseException as error:
        for name in files:
            if name in before:
                (BACKEND / name).write_bytes(before[name])
            else:
                (BACKEND / name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Refused(f"Nothing was changed: {error}") from error
        raise


@contextmanager
def alone() -> Iterator[None]:
    """Ensure that only one command runs at a time.

    Otherwise, two commands could both create a revision after the same head.
    """
    folder = os.open(BACKEND / "alembic" / "versions", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Refused(
            "Another make feature command is running. Wait for it, then try again. Nothing was "
            "changed."
        ) from error
    else:
        yield
    finally:
        os.close(folder)
