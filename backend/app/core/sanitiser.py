"""Removes everything from HTML that Markdown cannot produce.

The sanitiser does not rely on the parser. Even if the parser has a bug, the result has
no script, event handler, style or link of a scheme that is not allowed.
"""

import nh3

ID_PREFIX = "content-"  # with this prefix, no id equals an id of the surrounding page

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
ATTRIBUTES = {
    "a": {"href", "title", "rel"},
    "img": {"src", "alt", "title"},
    "code": {"class"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
    **{heading: {"id"} for heading in HEADINGS},
}
TAGS = {
    *("blockquote", "br", "em", "hr", "li", "p", "pre", "strong", "table", "tbody", "thead"),
    *("tr", "ul", *ATTRIBUTES),
}
SCHEMES = {"http", "https", "mailto"}

_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=SCHEMES,
    link_rel=None,  # the parser sets `rel` for links to other sites
    id_prefix=ID_PREFIX,
)


def sanitise(html: str) -> str:
    return _cleaner.clean(html)
