"""A real browser runs no code in the HTML that Markdown with known attacks becomes."""

import pytest

from app.core.markdown import render
from tests.core.test_markdown_safety import VECTORS

pytest_plugins = ["tests.support.browser"]
pytestmark = [pytest.mark.slow, pytest.mark.only("sqlite")]

PAGE = "http://page.test/"
# Every successful attack would leave one of these traces.
TRAPS = """
    window.traces = [];
    // Links must not lead away.
    window.addEventListener("click", event => event.preventDefault(), true);
    for (const name of ["alert", "confirm", "prompt", "print", "open"])
        window[name] = () => { window.traces.push(name); };
"""
CLICK = """
    for (const link of document.querySelectorAll("a[href]"))
        if (!/^(https?|mailto):$/.test(link.protocol)) traces.push(link.href);
    const all = document.querySelectorAll("*");
    for (const one of all)
        for (const kind of ["click", "mouseover", "focus", "error", "load", "toggle"])
            one.dispatchEvent(new Event(kind, {cancelable: true}));
    const scripts = document.querySelectorAll("body script, iframe, object, embed, svg, style");
    return traces.concat(Array.from(scripts, one => one.outerHTML));
"""


def show(page, html):
    """Open a page with this HTML, touch everything on it, and return the traces."""
    body = f"<!doctype html><title>x</title><body>{html}"
    page.route("**/*", lambda route: route.abort())
    page.route(PAGE, lambda route: route.fulfill(body=body, content_type="text/html"))
    page.add_init_script(TRAPS)
    page.goto(PAGE)
    return page.evaluate(f"() => {{ {CLICK} }}")


def test_no_attack_leaves_a_trace(browser):
    texts = [text for vectors in VECTORS.values() for text in vectors]
    html = "\n".join(render(text).html for text in texts)
    assert browser(lambda page: show(page, html)).found == []


def test_an_attack_that_got_through_would_leave_one(browser):
    for html in (
        "<img src=x onerror=alert(1)>",
        "<b onclick=alert(1)>x</b>",
        "<svg onload=alert(1)></svg>",
        '<a href="javascript:alert(1)">x</a>',
        "<iframe></iframe>",
    ):
        assert browser(lambda page, html=html: show(page, html)).found, html
