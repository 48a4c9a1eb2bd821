"""Category rules."""

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, NotFound
from app.core.text import slug_from
from app.db.deletion import delete_row
from app.db.errors import conflicts
from app.db.slugs import insert_with_slug, renew_slug, wants_new_slug

from . import queries
from .models import BlogCategory
from .schemas import CategoryCreate, CategoryUpdate
from .service import SlugTaken


class CategoryNotFound(NotFound):
    code = "category_not_found"
    detail = "There is no such category. `GET /blog/categories` lists the categories."


class NameTaken(Conflict):
    code = "name_taken"
    detail = "Another category has this name. Choose another."


CONSTRAINTS = {"uq_blog_categories_slug": SlugTaken, "uq_blog_categories_name": NameTaken}


def list_categories(db: Session) -> list[BlogCategory]:
    return list(db.scalars(queries.categories()))


def get_category_by_slug(db: Session, slug: str) -> BlogCategory:
    return _one(db, queries.categories().where(BlogCategory.slug == slug))


def get_category(db: Session, category_id: int) -> BlogCategory:
    return _one(db, queries.categories().where(BlogCategory.id == category_id))


def _one(db: Session, statement: Select[BlogCategory]) -> BlogCategory:
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
    delete_row(db, category, CategoryNotFound)


def _saved(db: Session, category: BlogCategory) -> BlogCategory:
    return _one(db, queries.categories().where(BlogCategory.id == category.id))
