"""The parser behind `app.core.markdown`.

markdown-it takes linear time. But the HTML of some texts is much longer than the text,
and other texts have as many levels of nesting as characters. The limits here are far
above what people write.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import blockquote as quote_rule
from markdown_it.rules_block import table as table_rule
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline import autolink as autolink_rule
from markdown_it.rules_inline import image as image_rule
from markdown_it.rules_inline import link as link_rule
from markdown_it.token import Token

from .sanitiser import ID_PREFIX, SCHEMES

MAX_NESTING = 16  # a list in a list counts twice
MAX_QUOTES = 4  # levels of quotations; each level reads all lines of the text again
MAX_EMPHASIS = 20  # levels of emphasis and links
MAX_COLUMNS = 100  # columns of a table
# The number of cells that all tables together may add to fill short rows. The last
# table may exceed this number.
MAX_ADDED_CELLS = 10_000
MAX_LINKS = 10_000  # number of brackets that may begin a link, an image or an address
MAX_URL = 2_000  # characters
# The number of characters in all URLs and titles together. A URL that is defined once
# as a reference is repeated in the HTML for each use.
MAX_URLS = 500_000
MAX_IDS = 1_000
MAX_ID = 80  # characters, without the prefix

PATH = re.compile(r"[/?#]")
BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
NOT_IN_ID = re.compile(r"[^\w\- ]+")
NOT_IN_LANGUAGE = re.compile(r"[^A-Za-z0-9_+#.-]")
EXTERNAL = re.compile(r"(https?:)?//", re.IGNORECASE)
REL = "nofollow noopener noreferrer"


class Parsed(NamedTuple):
    """The result of the parser.

    `html` is well-formed, but not yet sanitised. `code` is the text of code blocks.
    """

    html: str
    text: str
    code: str


def parse(markdown: str) -> Parsed:
    parser = _parser()
    document = Document()
    tokens = parser.parse(markdown, {})
    document.prepare(tokens)
    html = parser.renderer.render(tokens, parser.options, {})
    return Parsed(html, "\n".join(document.texts), "\n".join(document.codes))


@lru_cache
def _parser() -> MarkdownIt:
    """Return the parser, which has been used once, so that threads can share it."""
    parser = _Parser("commonmark", {"maxNesting": MAX_NESTING, "html": True})
    parser.enable("table").disable("html_block")
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    parser.block.ruler.at(
        "blockquote", _quote, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.ruler.at("link", _link)
    parser.inline.ruler.at("image", _image)
    parser.inline.ruler.at("autolink", _autolink)
    # The first use compiles the chains of rules. Without this line, another thread
    # could use them half finished.
    parser.render("# a\n\n[b](c)\n")
    return parser


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - overrides markdown-it's method
        """Accept every link.

        `Document` later removes unsafe links, but not their text.
        """
        return True


def _table(state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: FBT001 - the signature of a rule
    """Parse a table, unless it is too wide, or earlier tables have added too many
    cells.
    """
    added = state.env.setdefault("added cells", 0)
    if added > MAX_ADDED_CELLS or _columns(state, first + 1) > MAX_COLUMNS:
        return False
    before = len(state.tokens)
    found = table_rule(state, first, last, silent)
    if found and not silent:
        new = state.tokens[before:]
        state.env["added cells"] += sum(t.type == "inline" and not t.content for t in new)
    return found


def _columns(state: StateBlock, line: int) -> int:
    if line >= state.lineMax:
        return 0
    return state.src.count("|", state.bMarks[line], state.eMarks[line])


def _quote(state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: FBT001 - the signature of a rule
    """Parse a quotation, unless it is nested too deeply in other quotations."""
    depth = state.env.get("quotes", 0)
    if depth >= MAX_QUOTES:
        return False
    state.env["quotes"] = depth + 1
    try:
        return quote_rule(state, first, last, silent)
    finally:
        state.env["quotes"] = depth


def _link(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the signature of a rule
    return state.src[state.pos] == "[" and _counted(state) and link_rule(state, silent)


def _image(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the signature of a rule
    return state.src.startswith("![", state.pos) and _counted(state) and image_rule(state, silent)


def _autolink(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the signature of a rule
    return state.src[state.pos] == "<" and _counted(state) and autolink_rule(state, silent)


def _counted(state: StateInline) -> bool:
    state.env["links"] = state.env.get("links", 0) + 1
    return bool(state.env["links"] <= MAX_LINKS)


@dataclass
class Document:
    """Prepares the tokens of a text for rendering, and collects the plain text."""

    texts: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    numbers: Counter[str] = field(default_factory=Counter)
    urls: int = 0

    def prepare(self, tokens: Sequence[Token]) -> None:
        heading: Token | None = None
        for token in tokens:
            if token.type == "inline":
                token.children = list(self._inline(token.children or ()))
                if text := text_of(token.children).strip():
                    self.texts.append(text)
                if heading:
                    self._give_id(heading, text)
                heading = None
            elif token.type == "heading_open":
                heading = token
            elif token.type in ("td_open", "th_open") and "style" in token.attrs:
                _, _, token.attrs["align"] = str(token.attrs.pop("style")).partition(":")
            elif token.type in ("fence", "code_block"):
                self.codes.append(token.content)
                token.info = language_of(token.info)

    def _inline(self, children: Iterable[Token]) -> Iterator[Token]:
        """Yield those tokens of an inline text that may be rendered."""
        linked = False
        for token in shallow(children):
            if token.type == "image":
                yield self._image(token)
            elif token.type == "link_open":
                if linked := self._link(token):
                    yield token
            elif token.type == "html_inline":
                if BREAK.fullmatch(token.content):
                    yield Token("hardbreak", "br", 0)
            elif linked or token.type != "link_close":
                yield token

    def _link(self, token: Token) -> bool:
        """Set the attributes of a link, and return whether the link is safe."""
        url = str(token.attrs.get("href") or "")
        if not (is_safe(url) and self._has_room(token, url)):
            return False
        if EXTERNAL.match(url):
            token.attrs["rel"] = REL
        elif url.startswith("#") and len(url) > 1 and not url.startswith(f"#{ID_PREFIX}"):
            token.attrs["href"] = f"#{ID_PREFIX}{url[1:]}"
        return True

    def _image(self, token: Token) -> Token:
        """Return the image, or only its description if the image's URL is unsafe."""
        token.children = list(self._inline(token.children or ()))
        url = str(token.attrs.get("src") or "")
        if url.lower().startswith(("http://", "https://")) and self._has_room(token, url):
            return token
        return Token("text", "", 0, content=text_of(token.children))

    def _has_room(self, token: Token, url: str) -> bool:
        self.urls += len(url) + len(str(token.attrs.get("title") or ""))
        return len(url) <= MAX_URL and self.urls <= MAX_URLS

    def _give_id(self, heading: Token, text: str) -> None:
        """Give a heading an id that is made from `text`."""
        base = NOT_IN_ID.sub("", text.lower()).replace(" ", "-")[:MAX_ID].strip("-")
        if not base or len(self.ids) >= MAX_IDS:
            return
        name = base
        while name in self.ids:
            self.numbers[base] += 1
            name = f"{base}-{self.numbers[base]}"
        self.ids.add(name)
        heading.attrs["id"] = f"{ID_PREFIX}{name}"


def shallow(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield the tokens, except those that are nested too deeply."""
    depth = 0
    for token in tokens:
        depth += max(token.nesting, 0)
        if depth <= MAX_EMPHASIS or not token.nesting:
            yield token
        depth += min(token.nesting, 0)


def is_safe(url: str) -> bool:
    """Return whether a link may lead to this URL.

    The URL must be relative, or have one of the known schemes.
    """
    scheme, colon, _ = PATH.split(url, maxsplit=1)[0].partition(":")
    return not colon or scheme.lower() in SCHEMES


def text_of(tokens: Iterable[Token]) -> str:
    return "".join(_texts(tokens))


def _texts(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("text", "code_inline"):
            yield token.content
        elif token.type == "image":
            yield from _texts(token.children or ())
        elif token.type in ("softbreak", "hardbreak"):
            yield " "


def language_of(info: str) -> str:
    """Return the language that the first word after ``` names."""
    return NOT_IN_LANGUAGE.sub("", (info.split() or [""])[0])[:40]
