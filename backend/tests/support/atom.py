"""Check an Atom feed by the grammar of RFC 4287, and by rules that no grammar can
express.
"""

import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, fromstring

from lxml import etree  # type: ignore[import-untyped]  # has no type hints

ATOM = "{http://www.w3.org/2005/Atom}"
XML = "{http://www.w3.org/XML/1998/namespace}"
GRAMMAR = Path(__file__).parents[1] / "data" / "atom.rng"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")  # RFC 3339
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")  # RFC 3986


def check_feed(body: bytes) -> Element:
    """Check the feed, and return it parsed. If the feed is not valid, the test
    fails.
    """
    assert complaints(body) == []
    feed = fromstring(body)  # noqa: S314 - our own response
    assert feed.tag == f"{ATOM}feed"
    _links(feed)
    assert any(link.get("rel") == "self" for link in feed.iterfind(f"{ATOM}link"))
    entries = feed.findall(f"{ATOM}entry")
    for entry in entries:
        _entry(entry)
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    for element in feed.iter():
        _element(element)
    return feed


def complaints(body: bytes) -> list[str]:
    """Return how the document differs from the grammar."""
    grammar = _grammar()
    valid = grammar.validate(etree.fromstring(body))
    return [] if valid else [str(one) for one in grammar.error_log]


@cache
def _grammar() -> Any:
    return etree.RelaxNG(etree.parse(GRAMMAR))


def _entry(entry: Element) -> None:
    _links(entry)
    assert entry.find(f"{ATOM}author") is not None  # the feed itself has no author
    if entry.find(f"{ATOM}content") is None:
        relations = [link.get("rel", "alternate") for link in entry.iterfind(f"{ATOM}link")]
        assert "alternate" in relations


def _links(parent: Element) -> None:
    """Check the links. Two alternates must not have the same type and language
    (4.1.1).
    """
    links = parent.findall(f"{ATOM}link")
    kinds = [
        (link.get("type"), link.get("hreflang"))
        for link in links
        if link.get("rel", "alternate") == "alternate"
    ]
    assert len(set(kinds)) == len(kinds)
    for link in links:
        assert URI.fullmatch(link.get("href", ""))
        assert urlsplit(link.get("href", "")).netloc


def _element(element: Element) -> None:
    name, text = element.tag.removeprefix(ATOM), element.text or ""
    match name:
        case "id":
            assert URI.fullmatch(text), text
        case "updated" | "published":
            assert TIME.fullmatch(text), text
            datetime.fromisoformat(text)
