"""blog: HTML of posts, revisions, former slugs, inactive categories

Posts from before this revision are rendered when they are read. `make render-posts`
stores their HTML.

Revision ID: d18e6a40c7f2
Revises: b0d4a1c7e693
Create Date: 2026-11-30 08:40:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from app.db.types import TextDefault, UtcDateTime

revision = "d18e6a40c7f2"
down_revision = "b0d4a1c7e693"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    with op.batch_alter_table("blog_categories") as categories:
        categories.add_column(
            sa.Column(
                "is_active", sa.Boolean(), nullable=False, server_default=sa.literal_column("true")
            )
        )
    with op.batch_alter_table("blog_posts") as posts:
        posts.add_column(
            sa.Column("content_html", LONG_TEXT, nullable=False, server_default=TextDefault(""))
        )
        posts.add_column(
            sa.Column(
                "html_digest",
                sa.String(length=32),
                nullable=False,
                server_default=TextDefault(""),
            )
        )
        posts.add_column(sa.Column("reading_minutes", NUMBER, nullable=False, server_default="1"))
        posts.add_column(sa.Column("last_revision", NUMBER, nullable=False, server_default="0"))
    _create_former_slugs()
    _create_revisions()


def _create_former_slugs() -> None:
    op.create_table(
        "blog_former_slugs",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("post_id", NUMBER, nullable=False),
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"],
            ["blog_posts.id"],
            name=op.f("fk_blog_former_slugs_post_id_blog_posts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blog_former_slugs")),
        sa.UniqueConstraint("slug", name=op.f("uq_blog_former_slugs_slug")),
    )
    op.create_index(op.f("ix_blog_former_slugs_post_id"), "blog_former_slugs", ["post_id"])


def _create_revisions() -> None:
    op.create_table(
        "blog_revisions",
        sa.Column("post_id", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("editor_id", NUMBER, nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("content", LONG_TEXT, nullable=False),
        sa.Column("excerpt", sa.String(length=500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["editor_id"],
            ["users.id"],
            name=op.f("fk_blog_revisions_editor_id_users"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["post_id"],
            ["blog_posts.id"],
            name=op.f("fk_blog_revisions_post_id_blog_posts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("post_id", "id", name=op.f("pk_blog_revisions")),
    )
    op.create_index(op.f("ix_blog_revisions_editor_id"), "blog_revisions", ["editor_id"])


def downgrade() -> None:
    op.drop_table("blog_revisions")
    op.drop_table("blog_former_slugs")
    with op.batch_alter_table("blog_posts") as posts:
        for name in ("last_revision", "reading_minutes", "html_digest", "content_html"):
            posts.drop_column(name)
    with op.batch_alter_table("blog_categories") as categories:
        categories.drop_column("is_active")
