"""Rules of plain English that a program can check, for prose in the source.

A rule takes one text without code, and returns the fault that it found, or `None`. Code
in backticks is removed first, so `None` as a value is allowed.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_TEST_NAME = 60  # characters
CODE = re.compile(r"```.*?```|``.+?``|`[^`]+`", re.DOTALL)
INDENTED = re.compile(r"^(?: {4,}|\t).*$", re.MULTILINE)
LINTERS = re.compile(r"^(?:noqa(?:: [A-Z0-9, ]+)?|type: ignore(?:\[[\w, -]+\])?)(?: - | # |  # )?")

HEADLESS = re.compile(
    r"(?:Who|Whose|Whom|Whoever|What|Whatever|Where|Whether|Which|Whichever)\b(?!.*\?)"
)
PRONOUN = re.compile(r"(?:It|Its|One|They|Those|These|That|Them|He|She)\b")
NONE = re.compile(r"\bNone\b")
UNUSUAL = {
    r"anew": "again",
    r"beside": "next to",
    r"(?:is|are|was|were|be|been) away\b(?! from)": "unavailable",
    r"e-mails?": "email",
    r"user names?": "username",
    r"user's name": "username",
    r"(?:some|any|every|no)bod(?:y|ies)(?:'s)? else's": "another user's",
    r"somebody": "someone",
    r"anybody": "anyone",
    r"everybody": "everyone",
    r"work(?:s|ed|ing)? (?:\w+ ){0,2}off": "process",
    r"for ever": "forever",
    r"whosoever": "anyone who",
}
UNUSUAL_WORDS = {
    re.compile(rf"\b{word}(?![\w-])", re.IGNORECASE): usual for word, usual in UNUSUAL.items()
}


@dataclass(frozen=True)
class Prose:
    """A docstring or a comment, without its code."""

    place: str
    text: str
    is_docstring: bool = True


Rule = Callable[[Prose], str | None]


def headless(prose: Prose) -> str | None:
    """Return a fault if the text begins with a clause that has no noun before it."""
    found = HEADLESS.match(prose.text.partition(".")[0]) if prose.is_docstring else None
    return f"begins with {found[0]!r}: begin with a verb or a noun" if found else None


def pronoun_first(prose: Prose) -> str | None:
    """Return a fault if a docstring begins with a pronoun."""
    found = PRONOUN.match(prose.text) if prose.is_docstring else None
    return f"begins with {found[0]!r}: name the thing" if found else None


def bare_none(prose: Prose) -> str | None:
    """Return a fault if the word `None` is not in backticks."""
    return "has a None without backticks" if NONE.search(prose.text) else None


def unusual_word(prose: Prose) -> str | None:
    """Return a fault if the text contains an unusual word."""
    for pattern, usual in UNUSUAL_WORDS.items():
        if found := pattern.search(prose.text):
            return f"says {found[0]!r}: write {usual!r} or rephrase"
    return None


RULES: tuple[Rule, ...] = (
    headless,
    pronoun_first,
    bare_none,
    unusual_word,
)


def faults(prose: Prose) -> Iterator[str]:
    """Yield the faults of one text, each with its place."""
    for rule in RULES:
        if fault := rule(prose):
            yield f"{prose.place} {fault}: {prose.text[:80]}"


def detail_fault(detail: str) -> str | None:
    """Return a fault if the detail of an error is not a sentence."""
    if not re.match(r"[A-Z`0-9]", detail):
        return "does not begin with a capital letter"
    if not detail.endswith("."):
        return "does not end with a full stop"
    return None


def prose_of_python(file: Path, name: str) -> Iterator[Prose]:
    """Yield the docstrings and comments of a Python file."""
    source = file.read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ):
                text = without_code(statement.value.value)
                yield Prose(f"{name}:{statement.lineno}", text)
    for line, text in _comments(source):
        yield Prose(f"{name}:{line}", without_code(text), is_docstring=False)


def prose_of_page(file: Path, name: str) -> Iterator[Prose]:
    """Yield the lines of a page, a template or a script."""
    for number, line in enumerate(CODE.sub(_blank, file.read_text("utf-8")).splitlines(), 1):
        yield Prose(f"{name}:{number}", line.strip(), is_docstring=False)


def without_code(text: str) -> str:
    """Return the text on one line, without code in backticks or indented blocks."""
    return " ".join(CODE.sub("…", INDENTED.sub("", dedented(text))).split())


def dedented(text: str) -> str:
    """Return a docstring without its indentation."""
    first, _, rest = text.partition("\n")
    lines = rest.splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join([first, *(line[margin:] for line in lines)])


def long_test_names(file: Path, name: str) -> Iterator[str]:
    """Yield the test functions of a file whose names are too long."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")
            and len(node.name) > MAX_TEST_NAME
        ):
            yield f"{name}:{node.lineno} {node.name} has {len(node.name)} characters"


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each comment. Neighbouring lines are joined."""
    begun, last, lines = 0, -1, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = LINTERS.sub("", token.string.lstrip("# "))
        if token.start[0] != last + 1:
            if lines:
                yield begun, " ".join(lines)
            begun, lines = token.start[0], []
        lines.append(text)
        last = token.start[0]
    if lines:
        yield begun, " ".join(lines)


def _blank(code: re.Match[str]) -> str:
    return "\n" * code[0].count("\n") or "…"
