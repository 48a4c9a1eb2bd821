"""Functions that create posts and categories as rows."""

from datetime import timedelta
from itertools import count

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.auth.models import User
from app.routers.blog.models import BlogCategory, BlogPost

_numbers = count(1)


def make_category(**columns: object) -> BlogCategory:
    number = next(_numbers)
    category = BlogCategory(
        **({"name": f"Category {number}", "slug": f"category-{number}"} | columns)
    )
    with SessionLocal() as db, db.begin():
        db.add(category)
    return category


def make_post(author: User, **columns: object) -> BlogPost:
    """Create a published post with a unique title."""
    number = next(_numbers)
    defaults = {
        "author_id": author.id,
        "title": f"Post {number}",
        "slug": f"post-{number}",
        "content": f"Content *{number}*",
        "excerpt": f"Excerpt {number}",
        "is_published": True,
        "published_at": utc_now() - timedelta(seconds=1),  # SQLite's clock has no microseconds
    }
    post = BlogPost(**(defaults | columns))
    with SessionLocal() as db, db.begin():
        db.add(post)
    return post
