"""The file `.liftoff.toml`, which says what a project was made from."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools.console import Problem
from tools.projects.names import Name, checked_name

FILE = ".liftoff.toml"


@dataclass(frozen=True)
class Origin:
    """The version of Liftoff that a project was made from.

    `source` is a path or URL that git can clone. `without` names the features that were
    left out.
    """

    source: str
    commit: str
    name: Name
    without: tuple[str, ...]

    def text(self) -> str:
        """Return the content of the file."""
        pairs = {
            "source": self.source,
            "commit": self.commit,
            "name": self.name.word,
            "title": self.name.title,
            "without": list(self.without),
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in pairs.items()]
        return "\n".join(
            [
                "# What this project was made from. `make upgrade` reads and changes this.",
                *lines,
                "",
            ]
        )


def origin_of(project: Path) -> Origin:
    """Return what a project was made from.

    Raises `Problem` if the file is missing or incomplete.
    """
    file = project / FILE
    try:
        pairs = tomllib.loads(file.read_text("utf-8"))
        return Origin(
            source=str(pairs["source"]),
            commit=str(pairs["commit"]),
            name=checked_name(str(pairs["name"]), str(pairs["title"])),
            without=tuple(pairs["without"]),
        )
    except FileNotFoundError:
        raise Problem(
            f"There is no {FILE} here, so this project was not made by make new."
        ) from None
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as wrong:
        raise Problem(
            f"{FILE} is incomplete ({wrong}). git log {FILE} shows earlier states."
        ) from None
