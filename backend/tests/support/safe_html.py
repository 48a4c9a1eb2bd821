"""Finds everything in HTML that must not reach the readers of a post."""

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"br", "hr", "img"}
WITHOUT_ATTRIBUTES = "p em strong blockquote ul li pre br hr table thead tbody tr"
ALLOWED = {
    **{tag: set() for tag in WITHOUT_ATTRIBUTES.split()},
    **{heading: {"id"} for heading in ("h1", "h2", "h3", "h4", "h5", "h6")},
    **{cell: {"align"} for cell in ("td", "th")},
    "a": {"href", "title", "rel"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "code": {"class"},
}
REL = "nofollow noopener noreferrer"


class Reader(HTMLParser):
    """Reads HTML, and collects everything in it that is not allowed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.complaints: list[str] = []
        self.ids: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.complaints += self._of_tag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.complaints.append(f"</{tag}> closes another tag")

    def handle_comment(self, data: str) -> None:
        self.complaints.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.complaints.append(f"declaration {decl}")

    def handle_pi(self, data: str) -> None:
        self.complaints.append(f"instruction {data}")

    def unknown_decl(self, data: str) -> None:
        self.complaints.append(f"declaration {data}")

    def _of_tag(self, tag: str, attrs: list[tuple[str, str | None]]) -> Iterator[str]:
        if tag not in ALLOWED:
            yield f"tag {tag}"
        values = {name: value or "" for name, value in attrs}
        if len(values) != len(attrs) or set(values) - ALLOWED.get(tag, set()):
            yield f"attributes of {tag}: {attrs}"
        if not is_safe_link(values.get("href", "#")):
            yield f"link {values}"
        if values.get("href", "").lower().startswith(("http", "//")) and values.get("rel") != REL:
            yield f"link without rel {values}"
        if not values.get("src", "http://").lower().startswith(("http://", "https://")):
            yield f"image {values}"
        name = values.get("id", f"content-{len(self.ids)} ")
        if name in self.ids or not name.startswith("content-"):
            yield f"id {name}"
        self.ids.add(name)


def is_safe_link(url: str) -> bool:
    """Return whether the link is safe: no browser treats it as code."""
    # Browsers ignore control characters and spaces in front of a URL's scheme and
    # inside the scheme.
    plain = "".join(c for c in url if c > " " and c not in "\x7f\u00a0").lower()
    before = plain.partition("/")[0].partition("?")[0].partition("#")[0]
    return ":" not in before or before.startswith(("http:", "https:", "mailto:"))


def complaints_about(html: str) -> list[str]:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return [*reader.complaints, *(f"<{tag}> stays open" for tag in reader.open)]
