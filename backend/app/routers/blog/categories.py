"""The rules of categories."""

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, NotFound
from app.core.text import slug_from
from app.db.deletion import delete_row
from app.db.errors import conflicts

from . import queries
from .models import BlogCategory
from .schemas import CategoryCreate, CategoryUpdate
from .service import SlugTaken


class CategoryNotFound(NotFound):
    code = "category_not_found"
    detail = "There is no such category. `GET /blog/categories` lists the categories."


class NameTaken(Conflict):
    code = "name_taken"
    detail = "Another category has this name."


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
    category = BlogCategory(name=data.name, description=data.description)
    category.slug = data.slug or slug_from(data.name, fallback="category")
    db.add(category)
    return _saved(db, category)


def update_category(db: Session, category: BlogCategory, data: CategoryUpdate) -> BlogCategory:
    for name, value in data.changes().items():
        setattr(category, name, value)
    return _saved(db, category)


def delete_category(db: Session, category: BlogCategory) -> None:
    """Its posts stay, without a category. Raises `CategoryNotFound` for one deleted meanwhile."""
    delete_row(db, category, CategoryNotFound)


def _saved(db: Session, category: BlogCategory) -> BlogCategory:
    with conflicts(CONSTRAINTS, gone=CategoryNotFound):
        db.flush()
    return _one(db, queries.categories().where(BlogCategory.id == category.id))
