"""Demo content: a fictional company's blog."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.core.text import slug_from
from app.db import clock
from app.routers.auth.models import User
from app.routers.blog.models import BlogCategory, BlogPost
from app.routers.blog.service import excerpt_of

FOLDER = Path(__file__).parent
DAYS_BETWEEN_POSTS = 6


def load(db: Session) -> None:
    """Add the demo categories and posts once.

    If any category exists, nothing is added, because the user may have changed the demo
    content.
    """
    if db.scalar(select(exists().where(BlogCategory.id.is_not(None)))):
        return
    authors = {user.username: user for user in db.scalars(select(User))}
    entries = tomllib.loads((FOLDER / "categories.toml").read_text("utf-8"))["categories"]
    categories = {entry["slug"]: BlogCategory(**entry) for entry in entries}
    db.add_all(categories.values())
    files = sorted((FOLDER / "posts").glob("*.md"))
    for age, file in enumerate(reversed(files)):
        about, content = _read(file)
        post = BlogPost(
            title=about["title"], slug=slug_from(about["title"], fallback="post"), content=content
        )
        post.author, post.category = authors[about["author"]], categories[about["category"]]
        post.excerpt = excerpt_of(content)
        post.created_at = post.updated_at = clock.now(-timedelta(days=1 + age * DAYS_BETWEEN_POSTS))
        post.is_published, post.is_featured = about["status"] == "published", about["featured"]
        post.published_at = post.created_at if post.is_published else None
        db.add(post)
    db.flush()


def _read(file: Path) -> tuple[dict[str, Any], str]:
    """Split a file into its front matter and its Markdown.

    The front matter is TOML between two lines of `+++`.
    """
    _, about, content = file.read_text("utf-8").split("+++\n", 2)
    return tomllib.loads(about), content.strip() + "\n"
