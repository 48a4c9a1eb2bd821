"""blog: categories and posts

Revision ID: c7b2f48e5a90
Revises: 8a53e96c0d14
Create Date: 2026-11-21 10:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from app.db.types import UtcDateTime

revision = "c7b2f48e5a90"
down_revision = "8a53e96c0d14"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blog_categories",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blog_categories")),
        sa.UniqueConstraint("name", name=op.f("uq_blog_categories_name")),
        sa.UniqueConstraint("slug", name=op.f("uq_blog_categories_slug")),
    )
    op.create_table(
        "blog_posts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("content", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql"), nullable=False),
        sa.Column("excerpt", sa.String(length=500), nullable=False),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.Column("is_featured", sa.Boolean(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "is_published = false OR published_at IS NOT NULL",
            name=op.f("ck_blog_posts_published_has_time"),
        ),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["users.id"],
            name=op.f("fk_blog_posts_author_id_users"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["category_id"],
            ["blog_categories.id"],
            name=op.f("fk_blog_posts_category_id_blog_categories"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blog_posts")),
        sa.UniqueConstraint("slug", name=op.f("uq_blog_posts_slug")),
    )
    op.create_index(
        op.f("ix_blog_posts_author_id_is_published_published_at_id"),
        "blog_posts",
        ["author_id", "is_published", "published_at", "id"],
    )
    op.create_index(
        op.f("ix_blog_posts_category_id_is_published_published_at_id"),
        "blog_posts",
        ["category_id", "is_published", "published_at", "id"],
    )
    op.create_index(
        op.f("ix_blog_posts_is_published_created_at_id"),
        "blog_posts",
        ["is_published", "created_at", "id"],
    )
    op.create_index(
        op.f("ix_blog_posts_is_published_published_at_id"),
        "blog_posts",
        ["is_published", "published_at", "id"],
    )
    op.create_index(
        op.f("ix_blog_posts_is_published_title_id"), "blog_posts", ["is_published", "title", "id"]
    )


def downgrade() -> None:
    op.drop_table("blog_posts")
    op.drop_table("blog_categories")
