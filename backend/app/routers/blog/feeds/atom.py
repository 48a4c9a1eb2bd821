"""The newest posts as an Atom feed (RFC 4287).

The size of a feed is limited, because it is kept in memory. The feed contains the full
content of short posts. For other posts, it contains the excerpt and a link.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring
from xml.sax.saxutils import escape

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from app.routers.auth.models import User
from app.routers.blog import queries
from app.routers.blog.models import BlogCategory, BlogPost

from .addresses import blog_url, document_url, permanent_id, post_url, timestamp, xml_text

ATOM = "http://www.w3.org/2005/Atom"
BASE = "{http://www.w3.org/XML/1998/namespace}base"
MEDIA_TYPE = "application/atom+xml"
NAME = "feed.atom"
NEWEST = 20  # posts in the feed
SHORT = 20_000  # maximum length of a post in Markdown whose content is in the feed
MOST_CONTENT = 1_000_000  # maximum bytes of escaped HTML in a feed
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # an empty feed needs a time, too


def render_feed(db: Session) -> bytes:
    """Return the feed of the newest public posts."""
    posts = db.execute(_newest()).all()
    contents = _contents(db, [post.id for post in posts if post.length <= SHORT])
    feed = Element("feed", {"xmlns": ATOM})
    _add(feed, "id", document_url(NAME))
    _add(feed, "title", "Newest posts")
    _add(feed, "updated", timestamp(max(map(_updated_at, posts), default=NEVER)))
    _link(feed, "self", document_url(NAME), MEDIA_TYPE)
    _link(feed, "alternate", blog_url(), "text/html")
    left = MOST_CONTENT
    for post in posts:
        html = xml_text(contents.get(post.id, ""))
        left -= len(escape(html).encode())
        _entry(feed, post, html if left >= 0 else "")
    document: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _newest() -> Any:
    """Select the newest posts. `length` counts characters, or bytes in MySQL."""
    columns = (
        BlogPost.id,
        BlogPost.slug,
        BlogPost.title,
        BlogPost.excerpt,
        BlogPost.created_at,
        BlogPost.updated_at,
        BlogPost.published_at,
        func.length(BlogPost.content).label("length"),
        User.username,
        BlogCategory.slug.label("category_slug"),
        BlogCategory.name.label("category_name"),
    )
    return (
        select(*columns)
        .join(User, User.id == BlogPost.author_id)
        .outerjoin(BlogCategory, (BlogCategory.id == BlogPost.category_id) & BlogCategory.is_active)
        .where(queries.is_public())
        .order_by(BlogPost.published_at.desc(), BlogPost.id.desc())
        .limit(NEWEST)
    )


def _contents(db: Session, post_ids: Sequence[int]) -> dict[int, str]:
    """Return the current HTML of these posts."""
    posts = db.scalars(queries.whole_posts().where(BlogPost.id.in_(post_ids)))
    return {post.id: post.content_html for post in posts}


def _updated_at(post: Row[Any]) -> datetime:
    """Return when readers could first see the current version of a post."""
    latest: datetime = max(post.updated_at, post.published_at)
    return latest


def _entry(feed: Element, post: Row[Any], html: str) -> None:
    entry = SubElement(feed, "entry")
    _add(entry, "id", permanent_id(post.id, post.created_at))
    _add(entry, "title", post.title)
    _add(entry, "updated", timestamp(_updated_at(post)))
    _add(entry, "published", timestamp(post.published_at))
    _add(SubElement(entry, "author"), "name", post.username)
    _link(entry, "alternate", post_url(post.slug), "text/html")
    if post.category_slug is not None:
        named = {"term": post.category_slug, "label": post.category_name}
        SubElement(entry, "category", {name: xml_text(text) for name, text in named.items()})
    if post.excerpt:
        _add(entry, "summary", post.excerpt)
    if html:
        _add(entry, "content", html, {"type": "html", BASE: post_url(post.slug)})


def _add(parent: Element, name: str, text: str, attributes: dict[str, str] | None = None) -> None:
    SubElement(parent, name, attributes or {}).text = xml_text(text)


def _link(parent: Element, relation: str, url: str, media_type: str) -> None:
    SubElement(parent, "link", {"rel": relation, "type": media_type, "href": url})
