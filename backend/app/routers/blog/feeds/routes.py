"""Routes of the feed and the sitemap. The rules and queries are in the other modules of
`feeds`.
"""

from typing import Annotated

from fastapi import Path, Response

from app.core.errors import raises
from app.platform.reading import read_db_dependency
from app.platform.routing import Router
from app.routers.blog.caching import cached_until_changed

from . import atom, sitemap

router = Router()


class AtomResponse(Response):
    media_type = atom.MEDIA_TYPE


class XmlResponse(Response):
    media_type = sitemap.MEDIA_TYPE


FileNumber = Annotated[int, Path(ge=1, le=2**40)]


@router.get("/feed.atom", response_class=AtomResponse)
@cached_until_changed
def get_feed(db: read_db_dependency) -> Response:
    """Read the newest public posts as an Atom feed (RFC 4287).

    The feed contains the full content of short posts, and the excerpt of other posts.
    """
    return AtomResponse(atom.render_feed(db))


@router.get("/sitemap.xml", response_class=XmlResponse)
@cached_until_changed
def get_sitemap(db: read_db_dependency) -> Response:
    """Read the addresses of all public posts, or an index of several such files."""
    return XmlResponse(sitemap.render_sitemap(db))


@router.get("/sitemap-{number}.xml", response_class=XmlResponse)
@cached_until_changed
@raises(sitemap.SitemapNotFound)
def get_sitemap_file(db: read_db_dependency, number: FileNumber) -> Response:
    """Read one of the files that the index of the sitemap lists."""
    return XmlResponse(sitemap.render_file(db, number))
