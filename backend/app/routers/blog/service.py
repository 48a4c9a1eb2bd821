"""Post rules."""

import re
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.core.errors import Conflict, Forbidden, NotFound, Unprocessable
from app.core.text import slug_from
from app.db import clock
from app.db.deletion import delete_row
from app.db.errors import conflicts
from app.db.lists import Filters, Sorts, equals, matching, never_null, ordering
from app.db.slugs import insert_with_slug, renew_slug, wants_new_slug
from app.routers.auth.models import User

from . import queries
from .models import BlogCategory, BlogPost
from .schemas import PostCreate, PostFilters, PostUpdate

EXCERPT = 200  # characters
# A nested bracket ends the search for the closing bracket, so a text with many opening
# brackets takes no longer than any other.
MARKS = re.compile(r"```.*?```|[#>*_`|]|!?\[([^\[\]]*)\]\([^()]*\)", re.DOTALL)


class PostNotFound(NotFound):
    """The post does not exist, or the caller may not see it.

    The response is the same in both cases.
    """

    code = "post_not_found"
    detail = "There is no such post, or you may not see it. `GET /blog/posts` lists the posts."


class NotTheAuthor(Forbidden):
    code = "not_the_author"
    detail = "Only the author of a post and superusers may change it."


class SlugTaken(Conflict):
    code = "slug_taken"
    detail = "That slug is taken. Choose another, or leave it out."


class CategoryUnknown(Unprocessable):
    """A post names a category that does not exist."""

    code = "category_unknown"
    detail = "There is no such category. `GET /blog/categories` lists the categories."


class FeaturingReserved(Forbidden):
    """Only a superuser may feature a post."""

    code = "superuser_only"
    detail = "Only a superuser may feature a post. Leave `is_featured` out."


CONSTRAINTS = {
    "uq_blog_posts_slug": SlugTaken,
    "fk_blog_posts_category_id_blog_categories": CategoryUnknown,
}


def _in_category(slug: str) -> ColumnElement[bool]:
    """Match posts in a category.

    With a join, the database could not use an index for the sort order.
    """
    return (
        BlogPost.category_id
        == select(BlogCategory.id).where(BlogCategory.slug == slug).scalar_subquery()
    )


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


def list_posts(user: User | None, filters: PostFilters) -> Select[BlogPost]:
    """Select the posts that the caller may see, in the requested order.

    Ties are broken by id.
    """
    visible, sorts = queries.is_public(), SORTS
    if not filters.published_only:
        visible, sorts = queries.visible_to(user), SORTS_WITH_DRAFTS
    statement = select(BlogPost).where(visible, *matching(filters, FILTERS))
    return statement.order_by(*ordering(filters.sort, sorts, BlogPost.id))


def get_post(db: Session, user: User | None, post_id: int) -> BlogPost:
    wanted = {"wanted": post_id, **queries.viewing(user)}
    return _one(db, queries.visible_post(BlogPost.id), wanted)


def get_post_by_slug(db: Session, user: User | None, slug: str) -> BlogPost:
    wanted = {"wanted": slug, **queries.viewing(user)}
    return _one(db, queries.visible_post(BlogPost.slug), wanted)


def get_own_post(db: Session, user: User, post_id: int) -> BlogPost:
    """Return a post that the user may change. Raises `PostNotFound`, `NotTheAuthor`."""
    post = get_post(db, user, post_id)
    if post.author_id != user.id and not user.is_superuser:
        raise NotTheAuthor
    return post


def _one(
    db: Session, statement: Select[BlogPost], values: dict[str, Any] | None = None
) -> BlogPost:
    post = db.scalar(statement, values)
    if post is None:
        raise PostNotFound
    return post


def _saved(db: Session, post: BlogPost) -> BlogPost:
    """Reload the post from the database and return it."""
    return _one(
        db,
        queries.whole_posts()
        .where(BlogPost.id == post.id)
        .execution_options(populate_existing=True),
    )


def create_post(db: Session, author: User, data: PostCreate) -> BlogPost:
    """Create a post.

    A requested slug must be free. A slug generated from the title gets a number such as
    `-2` if it is taken.
    """
    _refuse_featuring(author, featured=data.is_featured)
    category = _category(db, data.category_id)
    given = data.model_dump(exclude={"excerpt", "category_id"})
    post = BlogPost(author_id=author.id, category_id=data.category_id, **given)
    post.excerpt = excerpt_of(data.content) if data.excerpt is None else data.excerpt
    post.published_at = clock.now() if data.is_published else None
    base = slug_from(post.title, fallback="post")
    insert_with_slug(db, post, BlogPost.slug, base, CONSTRAINTS)
    # Both are loaded. Set before the insert, each would take part in it.
    set_committed_value(post, "author", author)
    set_committed_value(post, "category", category)
    return post


def _category(db: Session, category_id: int | None) -> BlogCategory | None:
    """Return the category for a new post. Raises `CategoryUnknown`."""
    if category_id is None:
        return None
    category = db.get(BlogCategory, category_id)
    if category is None:
        raise CategoryUnknown
    return category


def update_post(db: Session, editor: User, post: BlogPost, data: PostUpdate) -> BlogPost:
    """Change a post. Missing fields stay unchanged.

    Publishing a post for the first time sets `published_at`. With `slug: null`, a new
    slug is generated from the title. Raises `PostNotFound` if another request has just
    deleted the post.
    """
    changes = data.changes()
    remade = wants_new_slug(changes, "slug")
    _refuse_featuring(editor, featured=bool(changes.get("is_featured")) and not post.is_featured)
    for name, value in changes.items():
        setattr(post, name, value)
    if post.is_published and post.published_at is None:
        post.published_at = clock.now()
    with conflicts(CONSTRAINTS, gone=PostNotFound):
        db.flush()
        if remade:
            renew_slug(db, post, BlogPost.slug, slug_from(post.title, fallback="post"), CONSTRAINTS)
    return _saved(db, post)


def delete_post(db: Session, post: BlogPost) -> None:
    """Delete a post. Raises `PostNotFound` if another request has just deleted it."""
    delete_row(db, post, PostNotFound)


def excerpt_of(content: str) -> str:
    """Return the beginning of a Markdown text, without its markup.

    The text is cut between words.
    """
    plain = MARKS.sub(r"\1", content)
    words = " ".join(plain.split())
    return (
        words if len(words) <= EXCERPT else words[:EXCERPT].rsplit(" ", 1)[0].rstrip(".,;:") + "…"
    )


def _refuse_featuring(user: User, *, featured: bool) -> None:
    if featured and not user.is_superuser:
        raise FeaturingReserved
