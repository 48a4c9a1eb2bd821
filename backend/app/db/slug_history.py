"""Former slugs, so that the old address of a row leads to the new address.

A feature declares a table of former slugs. `remembering_slug` surrounds the flush that
may change a slug. If no row has a slug, a read looks for a row that formerly had it:

    class FormerPostSlug(FormerSlug, Base):
        __tablename__ = "former_post_slugs"
        row_id: Mapped[int] = mapped_column(
            ForeignKey("posts.id", ondelete="CASCADE"), index=True
        )

    with remembering_slug(db, FormerPostSlug, post, Post.slug):
        db.flush()
    moved = select(Post.slug).where(had_slug(FormerPostSlug, Post.id, slug))

Creating a row sends no statement to this table. So a new row may have a slug that
another row once had. The new row is found first, because its slug is current. The
former slug is forgotten when the new row's own slug changes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, String, delete, inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from app.core.text import MAX_SLUG

from .base import Base
from .types import PrimaryKey

MOST = 20  # maximum number of former slugs of a row; older ones are forgotten


class FormerSlug:
    """The columns of a table of former slugs. A feature declares `row_id`."""

    id: Mapped[PrimaryKey]
    row_id: Mapped[int]
    slug: Mapped[str] = mapped_column(String(MAX_SLUG), unique=True)


@contextmanager
def remembering_slug(
    db: Session, history: type[Any], row: Base, column: InstrumentedAttribute[str]
) -> Iterator[None]:
    """Remember the slug of a stored row if it changes in this block.

    The row is locked from the start of the block until the transaction ends. So no
    other transaction can change the slug before this change replaces it.
    """
    (row_id,) = inspect(row).identity or (None,)
    key = inspect(type(row)).primary_key[0]
    with db.no_autoflush:
        old = db.scalar(select(column).where(key == row_id).with_for_update())
    yield
    new = getattr(row, column.key)
    if old is None or old == new:
        return
    # Both the old and the new slug may already be stored as a former slug, of this row
    # or of another row.
    db.execute(delete(history).where(history.slug.in_((old, new))))
    db.add(history(row_id=row_id, slug=old))
    db.flush()
    _forget_oldest(db, history, row_id)


def had_slug(history: type[Any], key: InstrumentedAttribute[int], slug: str) -> ColumnElement[bool]:
    """Return the condition for the row that formerly had this slug, by its `key`."""
    return key == select(history.row_id).where(history.slug == slug).scalar_subquery()


def _forget_oldest(db: Session, history: type[Any], row_id: int | None) -> None:
    own = history.row_id == row_id
    newest_first = select(history.id).where(own).order_by(history.id.desc())
    oldest = db.scalar(newest_first.offset(MOST).limit(1))
    if oldest is not None:
        db.execute(delete(history).where(own, history.id <= oldest))
