"""Posts that a search can find. They are committed, as MySQL's index requires.

The functions import the application's modules, because these modules read the
environment, which is not set yet when this file is imported.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.blog.search.cases import POSTS

if TYPE_CHECKING:
    from app.routers.auth.models import User


@pytest.fixture(scope="module")
def library(migrated: None) -> "Iterator[User]":
    """The posts of `cases`, for all tests of a module."""
    from sqlalchemy import delete

    from app.db.database import SessionLocal
    from app.routers.auth.models import User
    from tests.auth.factories import make_user
    from tests.blog.factories import make_post

    author = make_user(username="librarian")
    for title, content in POSTS.values():
        make_post(author, title=title, content=content)
    yield author
    with SessionLocal() as db, db.begin():
        db.execute(delete(User))
