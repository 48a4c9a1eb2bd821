"""Blog tables."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    FetchedValue,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    and_,
    literal_column,
    null,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from app.core.text import MAX_SLUG
from app.db import clock
from app.db.database import Base
from app.db.mixins import Timestamps
from app.db.search import searchable
from app.db.slug_history import FormerSlug
from app.db.types import LongText, PrimaryKey, TextDefault
from app.routers.auth.models import User

UNSETTLED = text("is_counted != is_published")


class BlogCategory(Timestamps, Base):
    __tablename__ = "blog_categories"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    slug: Mapped[str] = mapped_column(String(MAX_SLUG), unique=True)
    description: Mapped[str] = mapped_column(String(500), default="")
    # Only superusers see an inactive category. Its posts stay.
    is_active: Mapped[bool] = mapped_column(default=True, server_default=literal_column("true"))

    # filled by `counts.statements.counted_categories`
    post_count: Mapped[int] = query_expression()


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
        # This index serves the queries of `counts`. On PostgreSQL and SQLite, the index
        # is partial, so it has only the few posts that are not counted yet or must no
        # longer be counted. MySQL and MariaDB have no partial indexes, but read only
        # these posts from the full index.
        Index(
            None,
            "is_counted",
            "is_published",
            "published_at",
            "id",
            postgresql_where=UNSETTLED,
            sqlite_where=UNSETTLED,
        ),
    )

    id: Mapped[PrimaryKey]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    category_id: Mapped[int | None] = mapped_column(
        ForeignKey("blog_categories.id", ondelete="SET NULL")
    )
    title: Mapped[str] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(String(MAX_SLUG), unique=True)
    # The content as Markdown. Lists load neither this column nor the HTML.
    content: Mapped[str] = mapped_column(LongText, deferred=True, deferred_raiseload=True)
    content_html: Mapped[str] = mapped_column(
        LongText,
        default="",
        server_default=TextDefault(""),
        deferred=True,
        deferred_raiseload=True,
    )
    # Identifies the renderer and the content from which `content_html` was made. The
    # value no longer matches if the content is later changed with plain SQL or by an
    # earlier version.
    html_digest: Mapped[str] = mapped_column(
        String(32),
        default="",
        server_default=TextDefault(""),
        deferred=True,
        deferred_raiseload=True,
    )
    reading_minutes: Mapped[int] = mapped_column(default=1, server_default="1")
    excerpt: Mapped[str] = mapped_column(String(500))
    # The id of the newest revision, or 0 if the post has never been changed. An UPDATE
    # increments the id (`content.history`), and `FetchedValue` lets the UPDATE return
    # it.
    last_revision: Mapped[int] = mapped_column(
        default=0, server_default="0", server_onupdate=FetchedValue()
    )
    is_published: Mapped[bool] = mapped_column(default=False)
    is_featured: Mapped[bool] = mapped_column(default=False)
    # The default is an SQL expression, so an INSERT returns the value of `clock.now()`.
    published_at: Mapped[datetime | None] = mapped_column(default=null())
    # Only the modules of `counts` write this column.
    is_counted: Mapped[bool] = mapped_column(default=False, server_default=literal_column("false"))

    search: Mapped[str | None] = searchable("title", "content")

    author: Mapped[User] = relationship(lazy="raise")
    category: Mapped[BlogCategory | None] = relationship(lazy="raise")
    # The category, if everyone may see it. Lists load this instead of `category`.
    active_category: Mapped[BlogCategory | None] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin=lambda: and_(BlogPost.category_id == BlogCategory.id, BlogCategory.is_active),
    )

    shows_inactive = False
    """Set this on a post that a superuser reads."""

    @property
    def shown_category(self) -> BlogCategory | None:
        """Return the category, unless it is hidden from the reader."""
        category = self.category
        return category if category and (category.is_active or self.shows_inactive) else None


class FormerPostSlug(FormerSlug, Base):
    """A slug that a post no longer has. The post's old address leads to its new
    address.
    """

    __tablename__ = "blog_former_slugs"

    row_id: Mapped[int] = mapped_column(
        "post_id", ForeignKey("blog_posts.id", ondelete="CASCADE"), index=True
    )


class BlogRevision(Base):
    """A state of a post's text. The revisions of each post are numbered from 1.

    The first state is written when the post is first changed, so that creating a post
    takes no additional statement.
    """

    __tablename__ = "blog_revisions"

    post_id: Mapped[int] = mapped_column(
        ForeignKey("blog_posts.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    editor_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    title: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(LongText, deferred=True, deferred_raiseload=True)
    excerpt: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(default=clock.now())

    editor: Mapped[User | None] = relationship(lazy="raise")


class CountKind(StrEnum):
    """The kind of a counter, which says what its `value` is."""

    TOTAL = "total"  # 0
    AUTHOR = "author"  # the id of a user
    CATEGORY = "category"  # the id of a category
    MONTH = "month"  # the month of `published_at` in UTC, such as 202611


class BlogCount(Base):
    """The number of counted posts of one author, in one category, or in one month.

    Like the other tables of `counts`, this table has no foreign keys. With foreign
    keys, the job would wait for the rows of authors and categories, and the deletion of
    such a row would wait for posts that the job has locked.

    There is no row if the number is zero. Readers use the rows of one round, while a
    recount may be writing the rows of the next round.
    """

    __tablename__ = "blog_counts"
    __table_args__ = (
        UniqueConstraint("round", "kind", "value"),
        Index(None, "round", "kind", "count", "value"),
    )

    id: Mapped[PrimaryKey]
    round: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[int]
    count: Mapped[int]


class BlogUncounted(Base):
    """A post that is still counted under values that it no longer has.

    The post was deleted, hidden or moved to another category, or its time was changed.
    """

    __tablename__ = "blog_uncounted"

    id: Mapped[PrimaryKey]
    post_id: Mapped[int] = mapped_column(index=True)
    author_id: Mapped[int]
    category_id: Mapped[int | None] = mapped_column(index=True)
    month: Mapped[int]


class BlogCountState(Base):
    """The single row that stores the round in use, and the progress of a recount.

    Without this row, readers use round 0.
    """

    __tablename__ = "blog_count_state"
    __table_args__ = (CheckConstraint("id = 1", name="only_row"),)

    # MySQL allows no CHECK on a generated id.
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shown_round: Mapped[int] = mapped_column(default=0)
    next_round: Mapped[int | None]  # null unless a recount has begun
    position: Mapped[int] = mapped_column(default=0)  # the last post of the recount's last batch
