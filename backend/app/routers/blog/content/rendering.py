"""Renders the content of a post when it is written, or when its HTML is outdated."""

from functools import lru_cache

from sqlalchemy import event, inspect
from sqlalchemy.orm.attributes import set_committed_value

from app.core.markdown import Rendered, digest_of, render
from app.routers.blog.models import BlogPost

EXCERPT = 200  # characters
# HTML rendered from texts up to this length is kept in memory, because such a post may
# be read often before the HTML is stored.
SHORT = 5_000  # characters


def set_content(post: BlogPost, content: str) -> str:
    """Set the content of a post, and the columns that are always derived from it.

    Returns the plain text of the content.
    """
    rendered = render(content)
    post.content, post.content_html = content, rendered.html
    post.html_digest = digest_of(content)
    post.reading_minutes = rendered.reading_minutes
    return rendered.text


@event.listens_for(BlogPost, "load")
@event.listens_for(BlogPost, "refresh")
def _make_html_current(post: BlogPost, *_context: object) -> None:
    """Replace outdated HTML when a post is loaded with its content, but only in memory.

    The stored HTML is outdated if the content was written with plain SQL or by the
    previous version of the application, or if an earlier version of the renderer made
    the HTML.
    """
    loaded = inspect(post).dict
    if {"content", "html_digest"} <= loaded.keys() and post.html_digest != digest_of(post.content):
        short = len(post.content) <= SHORT
        rendered = _render_once(post.content) if short else render(post.content)
        set_committed_value(post, "content_html", rendered.html)
        set_committed_value(post, "reading_minutes", rendered.reading_minutes)


@lru_cache(maxsize=64)
def _render_once(content: str) -> Rendered:
    return render(content)


def excerpt_of(text: str) -> str:
    """Return the beginning of a text, cut between words."""
    words = " ".join(text.split())
    if len(words) <= EXCERPT:
        return words
    return words[:EXCERPT].rsplit(" ", 1)[0].rstrip(".,;:") + "…"
