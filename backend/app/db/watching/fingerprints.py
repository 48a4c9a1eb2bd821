"""Names statements by their shape.

Two statements that differ only in values have the same name.
"""

import re
from hashlib import blake2b
from typing import NamedTuple

MOST = 20_000  # maximum number of characters of a statement that are read
# The parts of a statement. One expression must recognise all of them, because a comment
# may contain a quote, and a string may contain text that looks like a comment. A string
# or a comment without an end extends to the end of the statement.
PARTS = re.compile(
    r"""(?P<text>'(?:[^']++|'')*+(?:'|$)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|$))
    |(?P<comment>/\*.*?(?:\*/|$)|--[^\n]*+)
    |(?P<name>"[^"]*+(?:"|$)|`[^`]*+(?:`|$))
    |(?P<value>%\(\w+\)s|%s|(?<![\w$])\.?\d[\w.]*+)""",
    re.VERBOSE | re.DOTALL,
)
LIST = re.compile(r"\(\s*+\?(?:\s*+,\s*+\?)*+\s*+\)")
ROWS = re.compile(r"\(…\)(?:\s*+,\s*+\(…\))++")
SPACE = re.compile(r"\s++")


class Fingerprint(NamedTuple):
    """The name of a statement's shape, and the shape: the statement without values."""

    name: str
    shape: str


def fingerprint_of(statement: str, *, quotes_names: bool = True) -> Fingerprint:
    """Return the shape of a statement, with `?` for each value and `(…)` for each list.

    SQLAlchemy sends values separately from the statement. But textual SQL may contain
    values, so all literals are replaced. In MySQL, double quotes enclose strings, not
    names (`quotes_names=False`). A backslash may or may not escape the quote that
    follows. So if a statement contains a backslash, everything after the first quote or
    backslash of the statement is dropped.
    """
    text = statement[:MOST]
    if "\\" in text:
        text = re.split("[\"'\\\\]", text, maxsplit=1)[0] + "'"

    def replaced(found: re.Match[str]) -> str:
        if found["comment"]:
            return " "
        if name := found["name"]:
            return name if quotes_names or name[0] == "`" else "?"
        return "?"

    shape = LIST.sub("(…)", PARTS.sub(replaced, text))
    shape = SPACE.sub(" ", ROWS.sub("(…)", shape)).strip()
    return Fingerprint(blake2b(shape.encode(), digest_size=6).hexdigest(), shape)
