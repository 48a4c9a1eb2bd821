"""Texts for which a regular expression may need a lot of time. They repeat the
expression's prefixes.
"""

import re
from collections.abc import Iterator
from re import _constants as c  # the parser has no public name
from re import _parser as parser
from typing import Any

# Each character is an example of a class that an expression may include or exclude.
CANDIDATES = "a0 -_./:@\"'\\&=\n\x00\u2028Aé"
CLASSES = {
    c.CATEGORY_DIGIT: r"\d",
    c.CATEGORY_SPACE: r"\s",
    c.CATEGORY_WORD: r"\w",
    c.CATEGORY_NOT_DIGIT: r"\D",
    c.CATEGORY_NOT_SPACE: r"\S",
    c.CATEGORY_NOT_WORD: r"\W",
}


def pumps(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Yield texts of `size` characters: every prefix of every alternative, repeated.

    Each prefix gives two texts: one repeats the whole prefix, and one only its last
    character.
    """
    source = (
        pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    )
    found = {text for text in _prefixes(parser.parse(source, pattern.flags & ~re.UNICODE)) if text}
    for text in sorted(found):
        yield (text * (size // len(text) + 1))[:size]
        yield text + text[-1] * (size - len(text))


def _prefixes(parsed: Any) -> list[str]:
    """Return a short text for each prefix. The last text matches the whole
    expression.
    """
    begun = [""]
    for kind, value in parsed:
        last = begun[-1]
        begun += [last + more for more in _texts(kind, value)]
    return begun


def _texts(kind: Any, value: Any) -> list[str]:
    match kind:
        case c.LITERAL:
            texts = [chr(value)]
        case c.NOT_LITERAL | c.ANY | c.IN:
            texts = [next((sign for sign in CANDIDATES if _takes(kind, value, sign)), "z")]
        case c.BRANCH:
            texts = [text for branch in value[1] for text in _prefixes(branch)]
        case c.MAX_REPEAT | c.MIN_REPEAT | c.POSSESSIVE_REPEAT:
            inner = _prefixes(value[2])
            texts = [
                *inner,
                inner[-1] * max(1, min(int(value[0]), 500)),
                inner[-1] * min(int(value[1]), 3),
            ]
        case c.SUBPATTERN | c.ATOMIC_GROUP | c.ASSERT | c.ASSERT_NOT:
            texts = _prefixes(value if kind is c.ATOMIC_GROUP else value[-1])
        case _:
            texts = [""]  # a boundary matches no character
    return texts


def _takes(kind: Any, value: Any, sign: str) -> bool:
    if kind is c.ANY:
        return sign != "\n"
    if kind is c.NOT_LITERAL:
        return sign != chr(value)
    names = [(test, named) for test, named in value if test is not c.NEGATE]
    return any(_names(test, named, sign) for test, named in names) == (len(names) == len(value))


def _names(kind: Any, value: Any, sign: str) -> bool:
    if kind is c.CATEGORY:
        return re.fullmatch(CLASSES[value], sign) is not None
    low, high = value if kind is c.RANGE else (value, value)
    return bool(low <= ord(sign) <= high)
