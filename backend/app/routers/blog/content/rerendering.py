"""Rerenders stored posts whose HTML is outdated."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.markdown import digest_of, render
from app.db.batches import Progress, run_for_terminal
from app.db.database import WorkerSession
from app.routers.blog.models import BlogPost

NAME = "blog.render-posts"
SIZE = 200  # posts per batch, which is small because posts may be long
# Rest for only half as long as a batch takes, because most of that time is spent on
# rendering, which does not use the database.
REST = 0.5


def render_posts(*, restart: bool) -> Progress:
    """Render every post whose HTML is from different content or a different renderer.

    An interrupted run continues where it stopped. With `restart`, the run starts from
    the beginning.
    """
    return run_for_terminal(
        WorkerSession, NAME, render_batch, BlogPost, restart=restart, size=SIZE, rest=REST
    )


def render_batch(db: Session, keys: Sequence[int]) -> None:
    """Render the posts with these ids whose HTML is outdated. `updated_at` does not
    change.
    """
    columns = (BlogPost.id, BlogPost.content, BlogPost.html_digest, BlogPost.updated_at)
    changes: list[dict[str, Any]] = []
    for key, content, digest, updated_at in db.execute(
        select(*columns).where(BlogPost.id.in_(keys))
    ):
        current = digest_of(content)
        if digest != current:
            rendered = render(content)
            changes.append(
                {
                    "id": key,
                    "content_html": rendered.html,
                    "html_digest": current,
                    "reading_minutes": rendered.reading_minutes,
                    "updated_at": updated_at,
                }
            )
    if changes:
        db.execute(update(BlogPost), changes)
