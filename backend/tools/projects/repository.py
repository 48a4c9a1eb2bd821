"""Git commands."""

import os
import subprocess
from pathlib import Path

from tools.console import Problem

MADE_FROM = "Made-From"  # the trailer of each commit that has exactly the files of one version


def git(
    folder: Path, *arguments: str, check: bool = True, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git in a folder.

    Raises `Problem` with git's own message if it fails, unless `check` is false.
    """
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise Problem(
            f"git {arguments[0]} failed in {folder}: {(done.stderr or done.stdout).strip()}"
        )
    return done


def answer(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Return the output of a git command, without the line break at its end."""
    return git(folder, *arguments, env=env).stdout.strip()


def identity(folder: Path, title: str) -> dict[str, str]:
    """Return environment variables that name an author, if git has no author on this
    machine.
    """
    if git(folder, "var", "GIT_COMMITTER_IDENT", check=False).returncode == 0:
        return {}
    email = "nobody@example.com"
    return {
        "GIT_AUTHOR_NAME": title,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": title,
        "GIT_COMMITTER_EMAIL": email,
    }


def tree_of(folder: Path, repository: Path) -> str:
    """Store the files of a folder in a repository, and return the id of the tree.

    The index and the work tree of the repository stay as they are.
    """
    index = folder.parent / f"{folder.name}.index"
    variables = {
        "GIT_DIR": answer(repository, "rev-parse", "--absolute-git-dir"),
        "GIT_WORK_TREE": str(folder),
        "GIT_INDEX_FILE": str(index),
    }
    git(folder, "add", "--all", ".", env=variables)
    tree = answer(folder, "write-tree", env=variables)
    index.unlink()
    return tree


def commit_message(title: str, commit: str) -> str:
    return f"{title}, made from Liftoff {commit[:7]}\n\n{MADE_FROM}: {commit}"
