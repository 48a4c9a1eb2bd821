"""Markdown to safe HTML: CommonMark with tables.

`render("# Hello").html` is `<h1 id="content-hello">Hello</h1>`.

| What | In the HTML |
|---|---|
| headings | `h1` to `h6` with an `id` such as `content-hello`, unique in the text |
| links | `http`, `https`, `mailto` and relative; of other links, the text stays |
| links to other sites | with `rel="nofollow noopener noreferrer"` |
| links to `#hello` | lead to `#content-hello` |
| images | with an absolute `http` or `https` URL; of others, the description stays |
| raw HTML | `<br>`; other tags are removed, and the text between them stays |

`nh3` sanitises the result once more (`sanitiser`). Time and size are bounded for any
text, because each part that could grow faster than the text has a limit
(`markdown_parser`). Text beyond a limit is not formatted, and text that is nested too
deeply is not shown. If a text has more than `MAX_MARKS` marks, or its HTML would be
longer than `MAX_HTML`, the whole text is shown as it was written.

A stored result is identified by `digest_of`. Increase `VERSION` whenever the same text
gives a different result.
"""

import hashlib
import html
import re
from math import ceil
from typing import NamedTuple

VERSION = 2
MAX_HTML = 3_000_000  # characters
# A mark is the end of a line, or a character that may begin emphasis, code, a link, an
# entity, a tag or a cell. The parser takes 5 to 25 µs for each mark, and at most 2 µs
# for any other character. In 200,000 characters, prose has some thousands of marks, and
# a program about 20,000.
MARK = re.compile(r"\n+|`+|[\r*_\[&<|]")
MAX_MARKS = 30_000

WORDS_PER_MINUTE = 200
# Chinese and Japanese have no spaces between words.
CHARACTERS_PER_MINUTE = 500
WITHOUT_SPACES = re.compile(
    r"[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]"
)
# Control characters, and code points that are never characters.
NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")


class Rendered(NamedTuple):
    """The safe HTML of a Markdown text.

    `text` has its words, without markup and without code blocks.
    """

    html: str
    text: str
    reading_minutes: int


def render(markdown: str) -> Rendered:
    """Render a Markdown text, which may come from anyone."""
    # These modules are imported here, because both are slow to import and not needed at
    # startup.
    from . import markdown_parser, sanitiser

    clean = NOT_TEXT.sub("", markdown)
    if sum(1 for _ in MARK.finditer(clean)) > MAX_MARKS:
        return Rendered(_unformatted(clean), clean, reading_minutes(clean))
    parsed = markdown_parser.parse(clean)
    fits = len(parsed.html) <= MAX_HTML
    safe = sanitiser.sanitise(parsed.html) if fits else _unformatted(clean)
    return Rendered(safe, parsed.text, reading_minutes(f"{parsed.text}\n{parsed.code}"))


def _unformatted(text: str) -> str:
    return f"<pre>{html.escape(text, quote=False)}</pre>\n"


def digest_of(markdown: str) -> str:
    """Return a digest that identifies the result of `render` for this text."""
    return hashlib.blake2b(f"{VERSION} {markdown}".encode(), digest_size=16).hexdigest()


def reading_minutes(text: str) -> int:
    """Return how many minutes it takes to read a text. The result is at least 1."""
    words, characters = WITHOUT_SPACES.subn(" ", text)
    minutes = len(words.split()) / WORDS_PER_MINUTE + characters / CHARACTERS_PER_MINUTE
    return max(1, ceil(minutes))
