"""No text, whatever it contains, becomes HTML that could run a script."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.markdown import render
from app.core.sanitiser import sanitise
from tests.support.safe_html import complaints_about

FOLDER = Path(__file__).parents[1] / "data" / "xss"
VECTORS = {
    name: json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    for name in ("brs_kb", "markdown")
}
PLACES = (
    "{}",
    "text {} text",
    "[x]({})",
    '![x](http://y "{}")',
    "<{}>",
    "# {}",
    "```{}\nx\n```",
    "|a|\n|-|\n|{}|",
    "> - *{}*",
    "[r]: {}\n\n[r] ![r]",
)
# Pieces of Markdown and HTML, which can have surprising effects in some order.
PIECES = [
    *("<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "<?", "&", "&#", ";", ":", "//", "#"),
    *("*", "_", "`", "```", "[", "]", "](", ")", "![", '"', "'", "|", "|-|", "\\", "\n", "\n\n"),
    *("script", "img", "svg", "style", "br", "a", "href=", "src=", "onerror=", "alert(1)"),
    *("javascript:", "data:", "http://x", "- ", "> ", "# ", "    ", "x", "\t", "\u2028", "\x0b"),
]


@pytest.mark.parametrize("corpus", VECTORS)
def test_no_known_attack_gets_through(corpus):
    unsafe = []
    for vector in VECTORS[corpus]:
        for place in PLACES:
            html = render(place.replace("{}", vector)).html
            unsafe += [(vector, place, one) for one in complaints_about(html)]
    assert unsafe == []
    assert len(VECTORS[corpus]) > 300


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_order_of_pieces_gets_through(text):
    assert complaints_about(render(text).html) == []


@given(st.text(max_size=200))
def test_no_text_at_all_gets_through(text):
    assert complaints_about(render(text).html) == []


def test_the_sanitiser_does_not_trust_the_parser():
    """Raw HTML never reaches the sanitiser. If raw HTML did reach the sanitiser, no
    part of it would run.
    """
    for vectors in VECTORS.values():
        for vector in vectors:
            html = sanitise(vector).lower()
            assert all(
                "attributes" not in one and "tag " not in one and "link {" not in one
                for one in complaints_about(html)
            ), (vector, html)


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>",
        "<p onclick=x>",
        '<a href="java\nscript:x">',
        '<a href=" javascript:x">',
        '<a href="http://x">x</a>',
        '<img src="data:x">',
        '<h1 id="x">',
        '<h1 id="content-x"></h1><h2 id="content-x"></h2>',
        "<!-- x -->",
        "<p><em></p></em>",
    ],
)
def test_the_reader_of_html_finds_what_is_unsafe(html):
    assert complaints_about(html) != []
