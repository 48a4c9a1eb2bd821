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
from app.routers.blog.content.rendering import excerpt_of, set_content
from app.routers.blog.models import BlogCategory, BlogPost
from app.routers.blog.service import change_post
from app.routers.blog.timeline import record_demo_post

FOLDER = Path(__file__).parent
DAYS_BETWEEN_POSTS = 6
DAYS_UNTIL_SCHEDULED = 30
IN_TIMELINE = 4  # newest posts; the demo data of `auth` has the older events


def load(db: Session) -> None:
    """Add the demo categories and posts once.

    If any category exists, nothing is added, because someone may have changed the demo
    content.
    """
    if db.scalar(select(exists().where(BlogCategory.id.is_not(None)))):
        return
    authors = {user.username: user for user in db.scalars(select(User))}
    entries = tomllib.loads((FOLDER / "categories.toml").read_text("utf-8"))["categories"]
    categories = {entry["slug"]: BlogCategory(**entry) for entry in entries}
    db.add_all(categories.values())
    posts = [_read(file) for file in sorted((FOLDER / "posts").glob("*.md"))]
    added = []
    for age, (about, content) in enumerate(reversed(posts)):
        post = _post(about, content, age)
        post.author, post.category = authors[about["author"]], categories[about["category"]]
        db.add(post)
        added.append((post, about, content))
    db.flush()
    for age in reversed(range(IN_TIMELINE)):
        record_demo_post(db, added[age][0])
    for post, about, content in added:
        if "draft" in about:
            text = {"title": about["title"], "slug": _slug(about["title"]), "content": content}
            change_post(db, post.author, post, text)


def _post(about: dict[str, Any], content: str, age: int) -> BlogPost:
    """Return a post in the state in which it is first stored.

    If the front matter has a `draft`, the first state has another title and less
    content.
    """
    title = about.get("draft", about["title"])
    post = BlogPost(title=title, slug=_slug(title))
    first = content.rpartition("\n\n")[0] if "draft" in about else content
    post.excerpt = excerpt_of(set_content(post, first))
    post.created_at = post.updated_at = clock.now(-timedelta(days=1 + age * DAYS_BETWEEN_POSTS))
    post.is_published, post.is_featured = about["status"] != "draft", about["featured"]
    if about["status"] == "scheduled":
        post.published_at = clock.now(timedelta(days=DAYS_UNTIL_SCHEDULED))
    elif post.is_published:
        post.published_at = post.created_at
    return post


def _slug(title: str) -> str:
    return slug_from(title, fallback="post")


def _read(file: Path) -> tuple[dict[str, Any], str]:
    """Split a file into its front matter and its Markdown.

    The front matter is TOML between two lines of `+++`.
    """
    _, about, content = file.read_text("utf-8").split("+++\n", 2)
    return tomllib.loads(about), content.strip() + "\n"
