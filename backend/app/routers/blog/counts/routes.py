"""Routes of authors and statistics. The rules and queries are in the other modules of
`counts`.
"""

from typing import Annotated, Any

from fastapi import Path
from sqlalchemy import Row

from app.core.errors import raises
from app.core.pagination import Page
from app.db.pagination import paginate
from app.platform.pagination import PageParams
from app.platform.reading import read_db_dependency
from app.platform.routing import Router
from app.routers.blog.caching import cached_until_changed

from . import authors, stats
from .schemas import AuthorSummary, Stats

router = Router()

Username = Annotated[str, Path(max_length=32, examples=["author"])]


@router.get("/stats", response_model=Stats)
@cached_until_changed
def get_stats(db: read_db_dependency) -> dict[str, Any]:
    """Count the public posts: all of them, and per author, category and month.

    Inactive categories are left out. `by_category` does not include posts without a
    category.
    """
    return stats.read_stats(db)


@router.get("/authors")
@cached_until_changed
def list_authors(db: read_db_dependency, page: PageParams) -> Page[AuthorSummary]:
    """List the users who have public posts, in the order in which they registered."""
    return paginate(db, authors.list_authors(), page, AuthorSummary)


@router.get("/authors/{username}", response_model=AuthorSummary)
@cached_until_changed
@raises(authors.AuthorNotFound)
def get_author(db: read_db_dependency, username: Username) -> Row[Any, Any, Any]:
    """Read an author. `GET /blog/posts?author=` lists the posts.

    A user without public posts is not an author.
    """
    return authors.get_author(db, username)
