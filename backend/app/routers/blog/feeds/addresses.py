"""URLs in feeds and sitemaps, and text that XML allows.

A reader opens a post in the frontend, at `FRONTEND_URL/blog/<slug>`. The documents
themselves are at `PUBLIC_URL`.
"""

import re
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from app.core.config import get_settings

# All characters that XML 1.0 does not allow, not even as references (2.2 of the
# recommendation).
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Return the text without the characters that XML does not allow."""
    return NOT_IN_XML.sub("", text)


def blog_url() -> str:
    return f"{get_settings().frontend_url}/blog"


def post_url(slug: str) -> str:
    """Return the URL at which people read a post."""
    return f"{blog_url()}/{quote(slug, safe='')}"


def document_url(name: str) -> str:
    """Return the URL of a feed or a sitemap."""
    settings = get_settings()
    return f"{settings.public_url}{settings.api_prefix}/blog/{name}"


def permanent_id(post_id: int, created_at: datetime) -> str:
    """Return the id of a post in a feed, a tag URI (RFC 4151).

    The id stays the same when the slug of the post or the path of the API changes. If
    the host in PUBLIC_URL changes, feed readers treat all posts as new.
    """
    host = urlsplit(get_settings().public_url or "").hostname or "localhost"
    authority = re.sub(r"[^a-z0-9.-]", "-", host)  # an IPv6 address is not a valid tag authority
    return f"tag:{authority},{created_at.astimezone(UTC):%Y-%m-%d}:blog/posts/{post_id}"


def timestamp(moment: datetime) -> str:
    """Format a time in UTC as RFC 3339 describes, in whole seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
