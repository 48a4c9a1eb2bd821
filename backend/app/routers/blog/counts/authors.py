"""Authors: the users with visible posts."""

from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.routers.auth.models import User
from app.routers.blog.models import CountKind

from . import statements


class AuthorNotFound(NotFound):
    """No user has this name, or the user has no visible posts."""

    code = "author_not_found"
    detail = "No author with visible posts has this username. `GET /blog/authors` lists them."


@cache
def list_authors() -> Select[Any]:
    """Select the authors, ordered by id, which is the order in which they registered.

    An index has this order, and the order does not change while a client reads page
    after page. A deleted account keeps its posts, so the account is listed under the
    name that replaced its username.
    """
    numbers = statements.numbers(CountKind.AUTHOR, "author_id")
    return (
        select(numbers.c.value.label("id"), User.username, numbers.c.number.label("post_count"))
        .join(User, User.id == numbers.c.value)
        .where(numbers.c.number > 0)
        .order_by(numbers.c.value)
    )


def get_author(db: Session, username: str) -> Row[Any, Any, Any]:
    """Return an author with the number of visible posts. Raises `AuthorNotFound`."""
    author = db.execute(_one_author(), {"wanted": username.lower()}).one_or_none()
    if author is None or not author.post_count > 0:
        raise AuthorNotFound
    return author


@cache
def _one_author() -> Select[Any, Any, Any]:
    number = statements.number_of(CountKind.AUTHOR, "author_id", User.id).label("post_count")
    return select(User.id, User.username, number).where(User.username == bindparam("wanted"))
