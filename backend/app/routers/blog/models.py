"""Blog tables."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, null
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from app.core.text import MAX_SLUG
from app.db.database import Base
from app.db.mixins import Timestamps
from app.db.types import PrimaryKey
from app.routers.auth.models import User


class BlogCategory(Timestamps, Base):
    __tablename__ = "blog_categories"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    slug: Mapped[str] = mapped_column(String(MAX_SLUG), unique=True)
    description: Mapped[str] = mapped_column(String(500), default="")

    post_count: Mapped[int] = query_expression()  # filled by `queries.categories`


class BlogPost(Timestamps, Base):
    """A post.

    A post is public once it is published and `published_at` has passed. Each sort order
    of the public list has an index.
    """

    __tablename__ = "blog_posts"
    __table_args__ = (
        CheckConstraint(
            "is_published = false OR published_at IS NOT NULL", name="published_has_time"
        ),
        Index(None, "is_published", "published_at", "id"),
        Index(None, "is_published", "created_at", "id"),
        Index(None, "is_published", "title", "id"),
        Index(None, "category_id", "is_published", "published_at", "id"),
        Index(None, "author_id", "is_published", "published_at", "id"),
    )

    id: Mapped[PrimaryKey]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    category_id: Mapped[int | None] = mapped_column(
        ForeignKey("blog_categories.id", ondelete="SET NULL")
    )
    title: Mapped[str] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(String(MAX_SLUG), unique=True)
    # Markdown. Lists do not load this column. MySQL's plain TEXT holds only 64 kB.
    content: Mapped[str] = mapped_column(
        Text().with_variant(mysql.MEDIUMTEXT(), "mysql"), deferred=True, deferred_raiseload=True
    )
    excerpt: Mapped[str] = mapped_column(String(500))
    is_published: Mapped[bool] = mapped_column(default=False)
    is_featured: Mapped[bool] = mapped_column(default=False)
    # Because the default is an SQL expression, an INSERT returns the value of
    # `clock.now()`.
    published_at: Mapped[datetime | None] = mapped_column(default=null())

    author: Mapped[User] = relationship(lazy="raise")
    category: Mapped[BlogCategory | None] = relationship(lazy="raise")
