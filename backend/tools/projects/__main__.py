"""The commands behind `make new` and `make upgrade`."""

import argparse
from pathlib import Path

from tools.console import run, say, step
from tools.projects.creation import create
from tools.projects.names import checked_name
from tools.projects.upgrading import Upgrade, upgrade

TEMPLATE = Path(__file__).resolve().parents[3]


def main() -> int:
    options = vars(parser().parse_args())
    command = options.pop("command")
    return int(command(**options))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m tools.projects", description=__doc__)
    commands = top.add_subparsers(required=True)
    new = commands.add_parser("new", help="make a new project")
    new.add_argument("--name", required=True)
    new.add_argument("--to", required=True, type=Path)
    new.add_argument("--title")
    new.add_argument("--without", default="", help="features to leave out: blog payments")
    new.set_defaults(command=_new)
    newer = commands.add_parser("upgrade", help="merge this version into a project")
    newer.add_argument("--project", required=True, type=Path)
    newer.add_argument("--source")
    newer.set_defaults(command=_upgrade)
    return top


def _new(*, name: str, to: Path, title: str | None, without: str) -> int:
    target = (TEMPLATE / to).resolve()  # the path is relative to where `make new` was typed
    checked = checked_name(name, title)
    with step(f"{checked.title} is in {target}, with one commit"):
        create(TEMPLATE, target, checked, tuple(sorted(set(without.split()))))
    if without:
        say("make client writes the types of its smaller API (needs npm).")
    say("Next: cd there, then make dev and make test.")
    return 0


def _upgrade(*, project: Path, source: str | None) -> int:
    with step(f"merged into {project}"):
        done = upgrade(TEMPLATE, project.resolve(), source)
    for line in _report(done):
        say(line)
    return 1 if done.conflicts else 0


def _report(done: Upgrade) -> list[str]:
    moved = [
        f"backend/alembic/versions/{name} follows your newest revision." for name in done.moved
    ]
    if not done.conflicts:
        return [
            *moved,
            f"At version {done.commit[:7]}. Next: make lint types test, then make migrate.",
        ]
    return [
        *moved,
        "Both sides have changed these files:",
        *(f"  {name}" for name in done.conflicts),
        "Edit each of them, git add it, and end with git commit. git merge --abort undoes all.",
    ]


if __name__ == "__main__":
    run(main)
