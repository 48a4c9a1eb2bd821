"""Texts that make a regular expression work hard: each beginning of what it matches, again and again."""

import re
from collections.abc import Iterator
from typing import Any

import re._constants as c
import re._parser as parser

# Stands in for each class that an expression may name, or leave out.
CANDIDATES = "a0 -_./:@\"'\\&=\n\x00\u2028Aé"


def pumps(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Texts of `size` characters: every prefix of every alternative, repeated; alone and behind the whole."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    found = {text for text in _prefixes(parser.parse(source, pattern.flags & ~re.UNICODE)) if text}
    for text in sorted(found):
        yield (text * (size // len(text) + 1))[:size]
        yield text + text[-1] * (size - len(text))


def _prefixes(parsed: Any) -> list[str]:
    """The shortest text of each beginning; that of the whole is the last."""
    begun = [""]
    for item in parsed:
        last = begun[-1]
        begun += [last + more for more in _texts(*item)]
    return begun


def _texts(kind: Any, value: Any) -> list[str]:
    if kind is c.LITERAL:
        return [chr(value)]
    if kind in (c.NOT_LITERAL, c.ANY, c.IN, c.CATEGORY):
        return [next((sign for sign in CANDIDATES if _takes(kind, value, sign)), "z")]
    if kind is c.BRANCH:
        return [text for branch in value[1] for text in _prefixes(branch)]
    if kind is c.SUBPATTERN:
        return _prefixes(value[3])
    if kind is c.ATOMIC_GROUP:
        return _prefixes(value)
    if kind in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
        least, most, inner = value
        texts = _prefixes(inner)
        return [*texts, texts[-1] * max(1, min(int(least), 500)), texts[-1] * min(int(most), 3)]
    if kind in (c.ASSERT, c.ASSERT_NOT):
        return _prefixes(value[1])
    return [""]  # a boundary, or a group once more


def _takes(kind: Any, value: Any, sign: str) -> bool:
    if kind is c.ANY:
        return sign != "\n"
    if kind is c.NOT_LITERAL:
        return sign != chr(value)
    tests = value if kind is c.IN else [(kind, value)]
    negated = tests[0] == (c.NEGATE, None)
    return any(_names(*test, sign) for test in tests if test != (c.NEGATE, None)) is not negated


def _names(kind: Any, value: Any, sign: str) -> bool:
    if kind is c.LITERAL:
        return sign == chr(value)
    if kind is c.RANGE:
        return value[0] <= ord(sign) <= value[1]
    classes = {c.CATEGORY_DIGIT: r"\d", c.CATEGORY_SPACE: r"\s", c.CATEGORY_WORD: r"\w"}
    classes |= {c.CATEGORY_NOT_DIGIT: r"\D", c.CATEGORY_NOT_SPACE: r"\S", c.CATEGORY_NOT_WORD: r"\W"}
    return bool(re.fullmatch(classes[value], sign))
