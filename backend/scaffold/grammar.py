"""What `fields="number:str(32):unique notes:text?"` says, token by token. What a type means stands in `kinds.py`."""

import re
from dataclasses import dataclass

from scaffold.problems import Refused

GRAMMAR = """\
A field is  name:type  then, in this order,  ?  (may be null)  =default  :unique  :index  :search

  str  str(80)                    one line, 200 characters or as many as you say (up to 1000)
  text                            up to 10,000 characters
  int  bigint                     32 and 64 bits
  decimal  decimal(8,3)           12 digits, 2 behind the point, or as you say (up to 15)
  money  money(eur)               minor units, with one `currency` for the row; given, it is that currency's default
  bool  date  datetime
  enum(draft,paid)                one of these words
  json  uuid  email  url          json is an object
  slug(from=title)                made from that str field where it is left out; always unique
  ref(auth.User)                  the id of another feature's row; customer:ref(…) makes customer_id

A default is what a client may send: true, 2030-12-31, {"a":1}, https://example.com/; or today (date), now (datetime,
its only one). With spaces it stands in parentheses: =(to be said). With ?=1 a field left out is 1, and a null that was
sent stays null. What is unique takes none, nor do slug and ref. Lists are filtered and sorted by all that is :unique or
:index, slugs and refs; q finds what is :search.

For example: fields="number:str(32):unique amount:money status:enum(draft,paid)=draft:index notes:text?" """

TOKEN = re.compile(
    r"(?P<name>[^:()?=\s]*):(?P<kind>[^:()?=\s]*)"
    r"(?P<arguments>\([^()]*\))?(?P<optional>\?)?(?:=(?P<default>.*?))?"
    r"(?P<flags>(?(default)(?::(?:[^\W\d]\w*)?)*|(?::[^:]*)*))"  # a default may have colons; words at its end are flags
)
IN_PARENTHESES = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
FLAGS = ("unique", "index", "search")


@dataclass(frozen=True)
class Token:
    """One field as it was written."""

    text: str
    name: str
    kind: str
    arguments: tuple[str, ...]
    optional: bool
    default: str | None
    flags: frozenset[str]


class WrongField(Refused):
    """Names the token, says what is wrong, and shows the grammar."""

    def __init__(self, token: str, reason: str) -> None:
        super().__init__(f"{token!r}: {reason}\n\n{GRAMMAR}")


def parse(fields: str) -> list[Token]:
    """Raises `WrongField`."""
    if not "".join(fields.split()).isprintable():
        raise WrongField(fields, "has characters that cannot be printed")
    return [_token(text) for text in _split(fields)]


def _split(fields: str) -> list[str]:
    """At spaces, but not those in parentheses."""
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
        raise WrongField(text, "this is no field")
    inner = (match["arguments"] or "").strip("()").strip()
    if match["arguments"] and not inner:
        raise WrongField(text, "the parentheses are empty")
    flags = match["flags"].split(":")[1:]
    for flag in flags:
        if flag not in FLAGS:
            raise WrongField(text, f"{flag!r} is none of {', '.join(FLAGS)}")
        if flags.count(flag) > 1:
            raise WrongField(text, f"{flag!r} stands there twice")
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
    """Without the parentheses that hold its spaces together."""
    around = IN_PARENTHESES.fullmatch(default or "")
    return around[1] if around else default
