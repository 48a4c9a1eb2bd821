"""Category rules."""

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, NotFound
from app.core.text import slug_from
from app.db.deletion import delete_row
from app.db.errors import conflicts
from app.db.slugs import insert_with_slug, renew_slug, wants_new_slug
from app.routers.auth.models import User

from .counts.counters import forget_category
from .counts.statements import counted_categories
from .models import BlogCategory
from .queries import sees_inactive
from .schemas import CategoryCreate, CategoryUpdate
from .service import SlugTaken


class CategoryNotFound(NotFound):
    code = "category_not_found"
    detail = "There is no such category. `GET /blog/categories` lists the categories."


class NameTaken(Conflict):
    code = "name_taken"
    detail = "Another category has this name. Choose another."


CONSTRAINTS = {"uq_blog_categories_slug": SlugTaken, "uq_blog_categories_name": NameTaken}


def list_categories(db: Session, user: User | None) -> list[BlogCategory]:
    return list(db.scalars(counted_categories(inactive=sees_inactive(user))))


def get_category_by_slug(db: Session, user: User | None, slug: str) -> BlogCategory:
    return _one(db, user, BlogCategory.slug == slug)


def get_category(db: Session, user: User | None, category_id: int) -> BlogCategory:
    return _one(db, user, BlogCategory.id == category_id)


def _one(db: Session, user: User | None, wanted: ColumnElement[bool]) -> BlogCategory:
    return _found(db, counted_categories(inactive=sees_inactive(user)).where(wanted))


def _found(db: Session, statement: Select[BlogCategory]) -> BlogCategory:
    category = db.scalar(statement.execution_options(populate_existing=True))
    if category is None:
        raise CategoryNotFound
    return category


def create_category(db: Session, data: CategoryCreate) -> BlogCategory:
    """Create a category.

    A requested slug must be free. A slug generated from the name gets a number such as
    `-2` if it is taken.
    """
    category = BlogCategory(**data.model_dump())
    insert_with_slug(
        db, category, BlogCategory.slug, slug_from(data.name, fallback="category"), CONSTRAINTS
    )
    return _saved(db, category)


def update_category(db: Session, category: BlogCategory, data: CategoryUpdate) -> BlogCategory:
    """Change a category. Missing fields stay unchanged.

    With `slug: null`, a new slug is generated from the name.
    """
    changes = data.changes()
    remade = wants_new_slug(changes, "slug")
    for name, value in changes.items():
        setattr(category, name, value)
    with conflicts(CONSTRAINTS, gone=CategoryNotFound):
        db.flush()
        if remade:
            renew_slug(
                db,
                category,
                BlogCategory.slug,
                slug_from(category.name, fallback="category"),
                CONSTRAINTS,
            )
    return _saved(db, category)


def delete_category(db: Session, category: BlogCategory) -> None:
    """Delete a category. Its posts stay, without a category.

    Raises `CategoryNotFound` if another request has just deleted the category.
    """
    category_id = category.id
    delete_row(db, category, CategoryNotFound)
    forget_category(db, category_id)


def _saved(db: Session, category: BlogCategory) -> BlogCategory:
    return _found(db, counted_categories(inactive=True).where(BlogCategory.id == category.id))
