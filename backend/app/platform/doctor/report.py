"""Prints the results of the checks, for people and for programs."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator

from . import State
from .running import Row

WIDTH = 100


def as_table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of the table: state, name and detail, and the remedy below."""
    longest = max((len(row.check) for row in rows), default=0)
    for row in rows:
        yield from _entry(f"{row.state:<9}{row.check:<{longest + 2}}", row.detail)
        if row.remedy:
            yield from _entry(" " * (longest + 11), f"-> {row.remedy}")
    counts = Counter(row.state for row in rows)
    yield ", ".join(f"{state}: {counts[state]}" for state in State)


def _entry(begin: str, text: str) -> Iterator[str]:
    """Yield the lines of an entry: `begin`, then the text. Wrapped lines are indented
    to where the text starts.
    """
    wrap = textwrap.TextWrapper(
        max(40, WIDTH - len(begin)), break_long_words=False, break_on_hyphens=False
    )
    for line in (part for given in text.splitlines() for part in wrap.wrap(given)):
        yield f"{begin}{line}"
        begin = " " * len(begin)


def as_json(rows: list[Row]) -> str:
    """Return the rows as a JSON array, with one object for each row."""
    return json.dumps([row.__dict__ for row in rows], indent=2, ensure_ascii=False)


def has_failed(rows: list[Row]) -> bool:
    return any(row.state is State.FAILURE for row in rows)
