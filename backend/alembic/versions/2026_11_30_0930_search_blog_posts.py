"""search: tokens of posts, and their full-text index

Posts from before this revision are found only after `make reindex`.

Revision ID: 5a1c7e90d3b6
Revises: e5b7309d4c18
Create Date: 2026-11-30 09:30:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.revisions.indexes import concurrently
from app.db.types import SearchTokens

revision = "5a1c7e90d3b6"
down_revision = "e5b7309d4c18"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("blog_posts") as posts:
        posts.add_column(sa.Column("search", SearchTokens(), nullable=True))
    with concurrently() as options:
        op.create_search_index("blog_posts", "search", **options)


def downgrade() -> None:
    with concurrently() as options:
        op.drop_search_index("blog_posts", "search", **options)
    with op.batch_alter_table("blog_posts") as posts:
        posts.drop_column("search")
