"""Lists of posts: visibility, filters, search and order."""

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.core.pagination import Page, PageQuery
from app.db.lists import Filters, Sorts, equals, matching, never_null, ordering
from app.db.pagination import paginate
from app.db.search import matches, ranked_page
from app.routers.auth.models import User

from . import queries
from .models import BlogCategory, BlogPost
from .schemas import FullPostSummary, PostFilters, PostSummary


def _in_category(slug: str) -> ColumnElement[bool]:
    """Match posts in an active category.

    With a join, the database could not use an index for the sort order.
    """
    found = select(BlogCategory.id).where(BlogCategory.slug == slug, BlogCategory.is_active)
    return BlogPost.category_id == found.scalar_subquery()


def _in_any_category(slug: str) -> ColumnElement[bool]:
    found = select(BlogCategory.id).where(BlogCategory.slug == slug)
    return BlogPost.category_id == found.scalar_subquery()


def _by_author(username: str) -> ColumnElement[bool]:
    return (
        BlogPost.author_id
        == select(User.id).where(User.username == username.lower()).scalar_subquery()
    )


FILTERS: Filters = {
    "category": _in_category,
    "author": _by_author,
    "featured": equals(BlogPost.is_featured),
}
FILTERS_OF_SUPERUSERS: Filters = {**FILTERS, "category": _in_any_category}
SORTS: Sorts = {
    "published_at": never_null(BlogPost.published_at),
    "created_at": BlogPost.created_at,
    "title": BlogPost.title,
}
# Drafts have no publication date yet, so they are sorted by creation date.
SORTS_WITH_DRAFTS: Sorts = {
    **SORTS,
    "published_at": func.coalesce(BlogPost.published_at, BlogPost.created_at),
}


def list_posts(
    db: Session, user: User | None, filters: PostFilters, page: PageQuery
) -> Page[PostSummary]:
    """Return a page of the posts that the caller may see."""
    shape = FullPostSummary if queries.sees_inactive(user) else PostSummary
    if filters.order != "relevance":
        return paginate(db, select_posts(user, filters), page, shape)
    # Drafts have no publication date, so posts with the highest ids count as the
    # newest.
    newest = [BlogPost.published_at, BlogPost.id] if filters.published_only else [BlogPost.id]
    rows, q = _matching_posts(user, filters), filters.q or ""
    return ranked_page(db, rows, BlogPost.search, q, page, shape, newest=newest)


def select_posts(user: User | None, filters: PostFilters) -> Select[BlogPost]:
    """Select the posts that the caller may see, in the requested order.

    Ties are broken by id.
    """
    rows, sorts = _matching_posts(user, filters), SORTS
    if not filters.published_only:
        sorts = SORTS_WITH_DRAFTS
    if filters.q is not None:
        rows = rows.where(matches(BlogPost.search)(filters.q))
    return rows.order_by(*ordering(filters.order, sorts, BlogPost.id))


def _matching_posts(user: User | None, filters: PostFilters) -> Select[BlogPost]:
    visible = queries.is_public() if filters.published_only else queries.visible_to(user)
    known = FILTERS_OF_SUPERUSERS if queries.sees_inactive(user) else FILTERS
    return select(BlogPost).where(visible, *matching(filters, known))
