"""The grammar of `fields="number:str(32):unique notes:text?"`, and its parser.

`kinds.py` defines the meaning of each type.
"""

import re
from dataclasses import dataclass

from scaffold.problems import Refused

GRAMMAR = """\
A field is  name:type  then, in this order,  ?  (may be null)  =default  :unique  :index  :search

  str  str(80)                    one line: 200 characters, or the given number (up to 1000)
  text                            up to 10,000 characters
  int  bigint                     32 and 64 bits
  decimal  decimal(8,3)           12 digits, 2 after the point, or as given (up to 15 digits)
  money  money(eur)               minor units; the row has one `currency`, with this default
  bool  date  datetime
  enum(draft,paid)                one of these words
  json  uuid  email  url          json is an object
  slug(from=title)                made from that str field if it is left out; always unique;
                                  with :history, old addresses lead to new ones
  ref(auth.User)                  the id of another feature's row; customer:ref(…) makes customer_id

A default is a value that a client may send: true, 2030-12-31, {"a":1}, https://example.com/. A
date may also have today, and a datetime may only have now. Put a default with spaces in
parentheses: =(to be said). With ?=1, a field that is left out is 1, and a null that was sent
stays null. Unique fields, slugs and refs have no default. Lists can be filtered and sorted by
all fields with :unique or :index, by slugs and by refs. q finds words in the fields with :search.

For example:
fields="number:str(32):unique amount:money status:enum(draft,paid)=draft:index notes:text?" """

TOKEN = re.compile(
    r"(?P<name>[^:()?=\s]*):(?P<kind>[^:()?=\s]*)"
    r"(?P<arguments>\([^()]*\))?(?P<optional>\?)?(?:=(?P<default>.*?))?"
    # A default may contain colons. Flags at the end of the text are not part of the
    # default.
    r"(?P<flags>(?(default)(?::(?:[^\W\d]\w*)?)*|(?::[^:]*)*))"
)
IN_PARENTHESES = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
FLAGS = ("unique", "index", "search", "history")


@dataclass(frozen=True)
class Token:
    """A field as the user typed it."""

    text: str
    name: str
    kind: str
    arguments: tuple[str, ...]
    optional: bool
    default: str | None
    flags: frozenset[str]


class WrongField(Refused):
    """A field is invalid.

    The message quotes the field, says what is wrong, and shows the grammar.
    """

    def __init__(self, token: str, reason: str) -> None:
        super().__init__(f"{token!r}: {reason}\n\n{GRAMMAR}")


def parse(fields: str) -> list[Token]:
    """Split the text into fields. Raises `WrongField` if a field is malformed."""
    if not "".join(fields.split()).isprintable():
        raise WrongField(fields, "contains characters that cannot be printed")
    return [_token(text) for text in _split(fields)]


def _split(fields: str) -> list[str]:
    """Split a text at spaces, except inside parentheses."""
    texts: list[str] = []
    depth = 0
    for part in re.split(r"([\s()])", fields):
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part.isspace() and depth <= 0:
            texts.append("")
        elif texts:
            texts[-1] += part
        else:
            texts.append(part)
    return [text for text in texts if text]


def _token(text: str) -> Token:
    if text.count("(") != text.count(")"):
        raise WrongField(text, "a parenthesis is missing")
    match = TOKEN.fullmatch(text)
    if match is None:
        raise WrongField(text, "this is not a field")
    inner = (match["arguments"] or "").strip("()").strip()
    if match["arguments"] and not inner:
        raise WrongField(text, "the parentheses are empty")
    flags = match["flags"].split(":")[1:]
    for flag in flags:
        if flag not in FLAGS:
            raise WrongField(text, f"{flag!r} is not one of {', '.join(FLAGS)}")
        if flags.count(flag) > 1:
            raise WrongField(text, f"{flag!r} appears twice")
    return Token(
        text=text,
        name=match["name"],
        kind=match["kind"],
        arguments=tuple(part.strip() for part in inner.split(",")) if inner else (),
        optional=match["optional"] is not None,
        default=_bare(match["default"]),
        flags=frozenset(flags),
    )


def _bare(default: str | None) -> str | None:
    """Return the default without surrounding parentheses."""
    around = IN_PARENTHESES.fullmatch(default or "")
    return around[1] if around else default
