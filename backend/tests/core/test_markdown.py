"""Markdown becomes the HTML that the table of `app.core.markdown` promises."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from html import escape

import pytest
from markdown_it.token import Token

from app.core import markdown
from app.core.config import BACKEND
from app.core.markdown import MAX_HTML, digest_of, reading_minutes, render

LENGTH = 200_000  # the longest content of a post


def html_of(text):
    return render(text).html.strip()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Hello", '<h1 id="content-hello">Hello</h1>'),
        ("Setext\n===", '<h1 id="content-setext">Setext</h1>'),
        ("###### Six *words*!", '<h6 id="content-six-words">Six <em>words</em>!</h6>'),
        ("#", "<h1></h1>"),
        ("# ?!", "<h1>?!</h1>"),
        ("# content-x", '<h1 id="content-content-x">content-x</h1>'),
        ("# 日本 語", '<h1 id="content-日本-語">日本 語</h1>'),
        ("**a** _b_ `c`", "<p><strong>a</strong> <em>b</em> <code>c</code></p>"),
        ("```python x\na<b\n```", '<pre><code class="language-python">a&lt;b\n</code></pre>'),
        ("3. x", '<ol start="3">\n<li>x</li>\n</ol>'),
        ("a  \nb<br>c", "<p>a<br>\nb<br>\nc</p>"),
        ("a <b>c</b><!-- d -->", "<p>a c</p>"),
        ("<div>\n*a*\n</div>", "<p>\n<em>a</em>\n</p>"),
        ("[x](/y?z#a 't')", '<p><a href="/y?z#a" title="t">x</a></p>'),
        ("[x](#y)", '<p><a href="#content-y">x</a></p>'),
        ("[x](#content-y)", '<p><a href="#content-y">x</a></p>'),
        ("[x](mailto:a@b.c)", '<p><a href="mailto:a@b.c">x</a></p>'),
        (
            "<http://x.y>",
            '<p><a href="http://x.y" rel="nofollow noopener noreferrer">http://x.y</a></p>',
        ),
        ("[x](//y)", '<p><a href="//y" rel="nofollow noopener noreferrer">x</a></p>'),
        ("[x](javascript:y)", "<p>x</p>"),
        ("[*x*](ftp://y)", "<p><em>x</em></p>"),
        (">" * 6 + "a", "<blockquote>\n" * 4 + "<p>&gt;&gt;a</p>" + "\n</blockquote>" * 4),
        ("![a](http://x/y.png)", '<p><img src="http://x/y.png" alt="a"></p>'),
        ("![a *b*](/y.png)", "<p>a b</p>"),
        ("a\x00\x0b\x1fb", "<p>ab</p>"),
        ("", ""),
    ],
)
def test_a_text_has_this_html(text, html):
    assert html_of(text) == html


def test_a_table_keeps_its_alignment():
    html = html_of("| a | b |\n|---|--:|\n| 1 | *2* |")
    assert html.startswith('<table>\n<thead>\n<tr>\n<th>a</th>\n<th align="right">b</th>')
    assert '<td align="right"><em>2</em></td>' in html


def test_ids_are_unique_in_a_text():
    html = html_of("# a\n# a-1\n# a\n# a\n# A!")
    ids = [part.partition('"')[0] for part in html.split('id="')[1:]]
    assert ids == ["content-a", "content-a-1", "content-a-2", "content-a-3", "content-a-4"]


def test_only_the_first_1000_headings_have_an_id():
    assert html_of("# a\n" * 10_000).count("id=") == 1_000


def test_the_plain_text_has_the_words_without_markup():
    rendered = render("# A\n\n*b* [c](http://x)\nd `e` ![f](/g)\n\n- h\n\n```\ni\n```\n\n|j|\n|-|")
    assert rendered.text.split() == ["A", "b", "c", "d", "e", "f", "h", "j"]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("", 1),
        ("word " * 200, 1),
        ("word " * 201, 2),
        ("字" * 500, 1),
        ("字" * 501, 2),
        ("かな " * 500, 2),
        ("word " * 100 + "字" * 250, 1),
        ("word " * 100 + "字" * 251, 2),
    ],
)
def test_reading_takes_this_many_minutes(text, minutes):
    assert reading_minutes(text) == render(text).reading_minutes == minutes


def test_code_blocks_take_time_to_read():
    assert render("```\n" + "word " * 1_000 + "\n```").reading_minutes == 5


def test_the_digest_changes_with_the_text_and_the_version(monkeypatch):
    first = digest_of("a")
    assert digest_of("b") != first == digest_of("a")
    monkeypatch.setattr(markdown, "VERSION", markdown.VERSION + 1)
    assert digest_of("a") != first


def test_threads_share_the_parser():
    text = "# a\n\n| b |\n|---|\n| [c](http://d) |\n"
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: render(text), range(100)))) == 1


def test_the_parser_is_not_imported_at_startup():
    code = "import sys, app.main; print({'markdown_it', 'nh3'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BACKEND, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def filled(piece):
    return (piece * (LENGTH // len(piece) + 1))[:LENGTH]


HOSTILE = {
    "brackets": filled("["),
    "images": filled("!["),
    "links": filled("[a]("),
    "nested brackets": "[" * 100_000 + "]" * 100_000,
    "stars": filled("*"),
    "emphasis": filled("a**b_c*"),
    "nested emphasis": "*" * 100_000 + "x" + "*" * 99_999,
    "tags": filled("<"),
    "open tags": filled('<a b="'),
    "comments": filled("<!--"),
    "data": filled("<![CDATA["),
    "ticks": "".join("`" * number + " " for number in range(1, 631)),
    "fences": filled("```\n"),
    "quotes": filled(">"),
    "lazy quotes": ">" * 100 + "a\n" + "b\n" * 99_000,
    "quoted lists": filled("> - "),
    "lists": filled("- "),
    "deep lists": "\n".join("  " * number + "- a" for number in range(440)),
    "headings": filled("# a\n"),
    "empty headings": filled("#\n"),
    "wide table": "|" + "a|" * 20_000 + "\n|" + "-|" * 20_000 + "\n" + "|x\n" * 20_000,
    "short rows": filled("|" + "a|" * 90 + "\n|" + "-|" * 90 + "\n" + "|x\n" * 600 + "\n"),
    "long table": "|a|b|\n|-|-|\n" + "|x|y|\n" * 33_000,
    "long reference": "[a]: /" + "u" * 100_000 + "\n\n" + "[a]" * 33_000,
    "references": "[a]: /" + "u" * 1_900 + "\n\n" + "[a]" * 66_000,
    "definitions": "".join(f"[a{number}]: b\n" for number in range(16_000)),
    "entities": filled("&amp;"),
    "lines": filled("a\n"),
    "spaces": filled(" \t"),
}


def calls_of(text):
    """Return the number of function calls that rendering takes, which is the same on
    any machine.
    """
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        render(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_text_takes_about_twice_the_work(name):
    half, whole = (calls_of(HOSTILE[name][: LENGTH // part]) for part in (200, 100))
    assert whole < 2.6 * half + 1_000


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_has_bounded_cost(name, monkeypatch):
    """A token takes the parser 5 to 25 µs, so all tokens take about a second."""
    tokens = []
    made = Token.__init__

    def count(self, *arguments, **values):
        tokens.append(1)
        made(self, *arguments, **values)

    monkeypatch.setattr(Token, "__init__", count)
    assert len(render(HOSTILE[name]).html) <= MAX_HTML + LENGTH
    assert len(tokens) <= 5 * markdown.MAX_MARKS


def test_a_text_with_too_many_marks_is_shown_as_it_was_written():
    for piece in ("- a\n", "a|", "*a ", "&", "<", "[", "\r", "a_", "`a"):
        text = piece * (markdown.MAX_MARKS + 1)
        rendered = render(text)
        assert rendered.html == f"<pre>{escape(text, quote=False)}</pre>\n", piece
        assert (rendered.text, rendered.reading_minutes) == (text, reading_minutes(text))
    assert render("word, " * 33_000).html.startswith("<p>word")


def test_html_that_would_be_too_long_is_shown_as_text(monkeypatch):
    monkeypatch.setattr(markdown, "MAX_HTML", 20)
    assert render("*a* <b> &").html == "<pre>*a* &lt;b&gt; &amp;</pre>\n"
