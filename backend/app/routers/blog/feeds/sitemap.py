"""The addresses of all posts, for search engines (https://www.sitemaps.org/protocol.html).

The protocol allows 50,000 URLs in a file. Such a file would have 8 MB. That is too
large for a cached response, so each request would compute the file again. A file with
`PER_FILE` URLs has at most 2 MB. If there are more posts, `sitemap.xml` is an index of
several files.

Each file lists the posts in a range of ids. So every file takes the same time to
compute, and a new post changes only the last file.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.routers.blog import queries
from app.routers.blog.models import BlogPost

from .addresses import document_url, post_url, timestamp, xml_text

PER_FILE = 5_000
MOST_FILES = 50_000  # as the protocol allows
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
MEDIA_TYPE = "application/xml"


class SitemapNotFound(NotFound):
    """No public post has an id in the range of this file."""

    code = "sitemap_not_found"
    detail = "There is no such file. `GET /blog/sitemap.xml` lists the files."


def render_sitemap(db: Session) -> bytes:
    """Return the sitemap, or an index of its files if there are too many posts."""
    public = select(BlogPost.id).where(queries.is_public())
    in_order = public.order_by(BlogPost.published_at, BlogPost.id)  # this is the order of an index
    has_more = db.scalar(in_order.offset(PER_FILE).limit(1)) is not None
    return _index(db) if has_more else _urls(_posts(db))


def render_file(db: Session, number: int) -> bytes:
    """Return one file of the sitemap. Raises `SitemapNotFound`."""
    last = number * PER_FILE
    posts = _posts(db, BlogPost.id > last - PER_FILE, BlogPost.id <= last)
    if not posts:
        raise SitemapNotFound
    return _urls(posts)


def _posts(db: Session, *range_: ColumnElement[bool]) -> Sequence[Any]:
    columns = (BlogPost.slug, BlogPost.updated_at, BlogPost.published_at)
    posts = select(*columns).where(queries.is_public(), *range_).order_by(BlogPost.id)
    return db.execute(posts.limit(PER_FILE)).all()


def _urls(posts: Iterable[Any]) -> bytes:
    urls = (page_url(post.slug, max(post.updated_at, post.published_at)) for post in posts)
    return _document("urlset", urls)


def page_url(slug: str, changed_at: datetime) -> str:
    location = escape(post_url(xml_text(slug)))
    return f"<url><loc>{location}</loc><lastmod>{timestamp(changed_at)}</lastmod></url>"


def _index(db: Session) -> bytes:
    numbers = [(post_id - 1) // PER_FILE + 1 for post_id in db.scalars(first_of_each_file())]
    urls = (escape(document_url(f"sitemap-{number}.xml")) for number in numbers)
    return _document("sitemapindex", (f"<sitemap><loc>{url}</loc></sitemap>" for url in urls))


@cache
def first_of_each_file() -> Select[int]:
    """Select the first public post of each file. Empty files are left out.

    To find each post, the database reads one entry of the primary key.
    """
    public = select(BlogPost.id).where(queries.is_public()).order_by(BlogPost.id).limit(1)
    files = select(public.scalar_subquery().label("first")).cte("files", recursive=True)
    last = files.c.first - (files.c.first - 1) % PER_FILE + (PER_FILE - 1)
    following = public.where(BlogPost.id > last).correlate(files).scalar_subquery()
    files = files.union_all(select(following).where(files.c.first.is_not(None)))
    return select(files.c.first).where(files.c.first.is_not(None)).limit(MOST_FILES)


def _document(root: str, parts: Iterable[str]) -> bytes:
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<{root} xmlns="{NAMESPACE}">\n'
    return "\n".join([head + "\n".join(parts), f"</{root}>\n"]).encode()
