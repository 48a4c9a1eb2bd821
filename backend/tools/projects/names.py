"""The name of a project, in its three spellings."""

import re
from dataclasses import dataclass

from tools.console import Problem

LONGEST = 14  # longer names would make lines of code and prose too long
WORD = re.compile(rf"[a-z][a-z0-9]{{1,{LONGEST - 1}}}", re.ASCII)
TITLE = re.compile(rf"[A-Z][A-Za-z0-9]{{1,{LONGEST - 1}}}", re.ASCII)  # also part of class names
# `make upgrade` looks for this file, so its name is the same in every project.
OURS = re.compile(r"\.liftoff\.toml|liftoff|Liftoff|LIFTOFF")
# In a project with one of these names, the name could not be told from ordinary words.
TAKEN = {"app", "backend", "liftoff", "main", "postgres", "public", "scaffold", "simulator", "test"}


@dataclass(frozen=True)
class Name:
    """A project's name.

    `word` is used for packages, cookies, metrics, databases and images. `title` is the
    name that people read in pages and mails. The title has no spaces, because it is
    also part of names in code.
    """

    word: str
    title: str

    def given_to(self, text: str) -> str:
        """Return the text with Liftoff's name replaced by this name."""
        spellings = {"liftoff": self.word, "Liftoff": self.title, "LIFTOFF": self.word.upper()}
        return OURS.sub(lambda found: spellings.get(found[0], found[0]), text)


def checked_name(word: str, title: str | None) -> Name:
    """Return the name. By default, the title is the word with a capital letter.

    Raises `Problem` if the name is unsuitable.
    """
    if not WORD.fullmatch(word) or word in TAKEN:
        raise Problem(
            f"name={word} is not possible. A name has 2 to {LONGEST} lower-case letters and "
            f"digits, begins with a letter, and is none of {', '.join(sorted(TAKEN))}. title= may "
            "contain capital letters: name=acmeshop title=AcmeShop."
        )
    title = word.capitalize() if title is None else title
    if not TITLE.fullmatch(title):
        raise Problem(
            f"title={title} is not possible. A title has 2 to {LONGEST} letters and digits, and "
            "begins with a capital letter."
        )
    return Name(word, title)
