"""A new project with its first commit."""

import shutil
from pathlib import Path

from tools.console import Problem
from tools.projects.names import Name
from tools.projects.origin import Origin
from tools.projects.rendering import render
from tools.projects.repository import answer, commit_message, git, identity


def create(template: Path, target: Path, name: Name, without: tuple[str, ...]) -> str:
    """Create a project from the last commit of `template`, and return its first commit.

    Raises `Problem` if the target is not empty. On any failure, the target is removed.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Problem(f"{target} exists and is not empty. Name a new folder: to=../{name.word}")
    commit = answer(template, "rev-parse", "HEAD")
    origin = Origin(_source_of(template), commit, name, without)
    try:
        target.mkdir(parents=True, exist_ok=True)
        render(template, origin, target)
        git(target, "init", "--quiet", "--initial-branch=main")
        git(target, "add", "--all")
        message = commit_message(name.title, commit)
        who = identity(target, name.title)
        git(target, "commit", "--quiet", "--no-verify", "--message", message, env=who)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return answer(target, "rev-parse", "HEAD")


def _source_of(template: Path) -> str:
    """Return where this clone of Liftoff came from, or the clone's path if that is
    unknown.
    """
    remote = git(template, "remote", "get-url", "origin", check=False)
    return remote.stdout.strip() or str(template)
