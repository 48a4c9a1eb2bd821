"""Blog jobs: the counters of visible posts."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.platform.jobs import Again, recurring

from .counts import folding, recounting

FOLD_EVERY = timedelta(seconds=15)


@recurring("blog.fold_counts", every=FOLD_EVERY)
def fold_counts(_db: Session, _payload: dict[str, Any]) -> Again | None:
    """Move new and changed posts into the counters."""
    return None if folding.fold().finished else Again()


@recurring("blog.recount", every=timedelta(days=1))
def recount(_db: Session, _payload: dict[str, Any]) -> Again | None:
    """Compute the counters again.

    This corrects the counters after changes of posts that bypassed the application.
    """
    return None if recounting.recount().finished else Again()
