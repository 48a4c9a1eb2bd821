"""Post rules."""

from contextlib import nullcontext
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.orm.attributes import set_committed_value

from app.core.errors import Conflict, Forbidden, NotFound, Unprocessable
from app.core.text import slug_from
from app.db import clock
from app.db.deletion import delete_row
from app.db.errors import conflicts
from app.db.slug_history import had_slug, remembering_slug
from app.db.slugs import insert_with_slug, renew_slug, wants_new_slug
from app.routers.auth.models import User

from . import queries
from .content.history import count_revision, record_revision, state_of
from .content.rendering import excerpt_of, set_content
from .counts import uncounting
from .models import BlogCategory, BlogPost, FormerPostSlug
from .schemas import PostCreate, PostUpdate
from .timeline import record_post


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


def get_post(db: Session, user: User | None, post_id: int) -> BlogPost:
    post = _find(db, user, BlogPost.id, post_id)
    if post is None:
        raise PostNotFound
    return post


def find_post_by_slug(db: Session, user: User | None, slug: str) -> BlogPost | None:
    return _find(db, user, BlogPost.slug, slug)


def _find(
    db: Session, user: User | None, column: InstrumentedAttribute[Any], wanted: int | str
) -> BlogPost | None:
    values = {"wanted": wanted, **queries.viewing(user)}
    post = db.scalar(queries.visible_post(column), values)
    if post is not None:
        post.shows_inactive = queries.sees_inactive(user)
    return post


def current_slug(db: Session, user: User | None, former: str) -> str:
    """Return the slug of the post that had this slug. Raises `PostNotFound`."""
    moved = had_slug(FormerPostSlug, BlogPost.id, former)
    slug = db.scalar(select(BlogPost.slug).where(moved, queries.visible_to(user)))
    # If the slug is the same, the post has become visible since the first query.
    if slug is None or slug == former:
        raise PostNotFound
    return slug


def get_own_post(db: Session, user: User, post_id: int) -> BlogPost:
    """Return a post that the user may change. Raises `PostNotFound`, `NotTheAuthor`."""
    post = get_post(db, user, post_id)
    if post.author_id != user.id and not user.is_superuser:
        raise NotTheAuthor
    return post


def get_editable_post(db: Session, user: User, post_id: int) -> BlogPost:
    """Return a post that the user may change.

    Raises `PostNotFound` if the user may not change the post, even if the post is
    public.
    """
    try:
        return get_own_post(db, user, post_id)
    except NotTheAuthor:
        raise PostNotFound from None


def _saved(db: Session, post: BlogPost) -> BlogPost:
    """Reload the post from the database and return it."""
    own = queries.whole_posts().where(BlogPost.id == post.id)
    saved = db.scalar(own.execution_options(populate_existing=True))
    if saved is None:
        raise PostNotFound
    return saved


def create_post(db: Session, author: User, data: PostCreate) -> BlogPost:
    """Create a post.

    A requested slug must be free. A slug generated from the title gets a number such as
    `-2` if it is taken.
    """
    _refuse_featuring(author, featured=data.is_featured)
    category = _category(db, author, data.category_id)
    post = BlogPost(author_id=author.id, **data.model_dump(exclude={"content", "excerpt"}))
    text = set_content(post, data.content)
    post.excerpt = excerpt_of(text) if data.excerpt is None else data.excerpt
    if post.is_published and post.published_at is None:
        post.published_at = clock.now()
    base = slug_from(post.title, fallback="post")
    insert_with_slug(db, post, BlogPost.slug, base, CONSTRAINTS)
    record_post(db, post, "published" if post.is_published else "created")
    # Both objects are already loaded. They are set only after the insert, because
    # SQLAlchemy would otherwise flush them together with the post.
    set_committed_value(post, "author", author)
    set_committed_value(post, "category", category)
    post.shows_inactive = queries.sees_inactive(author)
    return post


def _category(db: Session, editor: User, category_id: int | None) -> BlogCategory | None:
    """Return a category that the editor may see. Raises `CategoryUnknown`."""
    if category_id is None:
        return None
    category = db.get(BlogCategory, category_id)
    if category is None or not (category.is_active or queries.sees_inactive(editor)):
        raise CategoryUnknown
    return category


def update_post(db: Session, editor: User, post: BlogPost, data: PostUpdate) -> BlogPost:
    """Change a post. Missing fields stay unchanged.

    Publishing a post sets `published_at`, unless it already has a value, which may be
    in the future. With `slug: null`, a new slug is generated from the title. Raises
    `PostNotFound` if another request has just deleted the post.
    """
    changes = data.changes()
    _refuse_featuring(editor, featured=bool(changes.get("is_featured")) and not post.is_featured)
    _category(db, editor, changes.get("category_id"))
    return change_post(db, editor, post, changes)


def change_post(db: Session, editor: User, post: BlogPost, changes: dict[str, Any]) -> BlogPost:
    """Make valid changes to a post, and store its previous state and slug."""
    before, was_published = state_of(post), post.is_published
    remade = wants_new_slug(changes, "slug")
    _set(post, changes)
    text_changed = state_of(post) != before
    if text_changed:
        count_revision(post)
    moves = remade or "slug" in changes
    moving = remembering_slug(db, FormerPostSlug, post, BlogPost.slug) if moves else nullcontext()
    with conflicts(CONSTRAINTS, gone=PostNotFound), moving:
        db.flush()
        if remade:
            base = slug_from(post.title, fallback="post")
            renew_slug(db, post, BlogPost.slug, base, CONSTRAINTS)
    is_new = post.is_published and not was_published
    record_post(db, post, "published" if is_new else "updated")
    saved = _saved(db, post)
    if text_changed:
        record_revision(db, saved, before, editor)
    return saved


def _set(post: BlogPost, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if name == "content":
            set_content(post, value)
        else:
            setattr(post, name, value)
    if post.is_published and post.published_at is None:
        post.published_at = clock.now()


def delete_post(db: Session, post: BlogPost) -> None:
    """Delete a post. Raises `PostNotFound` if another request has just deleted it."""
    uncounting.note(db.connection(), [post.id], deleting=True)
    delete_row(db, post, PostNotFound)
    record_post(db, post, "deleted")


def _refuse_featuring(user: User, *, featured: bool) -> None:
    if featured and not user.is_superuser:
        raise FeaturingReserved
