"""blog: counters of visible posts

At first, no post is counted. A job counts all posts within minutes.

Revision ID: e5b7309d4c18
Revises: 5d2e8b71c9f4
Create Date: 2026-11-30 09:20:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.revisions.indexes import concurrently

revision = "e5b7309d4c18"
down_revision = "5d2e8b71c9f4"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNSETTLED = {
    "postgresql_where": sa.text("is_counted != is_published"),
    "sqlite_where": sa.text("is_counted != is_published"),
}
# A counted post no longer belongs to the partial index. But PostgreSQL has to skip the
# post's old entry in the index until the next vacuum. By default, that comes only after
# a fifth of the table has changed.
VACUUMED_SOON = (
    "ALTER TABLE blog_posts SET (autovacuum_vacuum_scale_factor = 0.02)",
    "ALTER TABLE blog_counts SET (autovacuum_vacuum_scale_factor = 0.02)",
)
INDEX = "ix_blog_posts_is_counted_is_published_published_at_id"


def upgrade() -> None:
    op.create_table(
        "blog_counts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("round", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", NUMBER, nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blog_counts")),
        sa.UniqueConstraint("round", "kind", "value", name=op.f("uq_blog_counts_round_kind_value")),
    )
    op.create_index(
        op.f("ix_blog_counts_round_kind_count_value"),
        "blog_counts",
        ["round", "kind", "count", "value"],
    )
    op.create_table(
        "blog_uncounted",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("post_id", NUMBER, nullable=False),
        sa.Column("author_id", NUMBER, nullable=False),
        sa.Column("category_id", NUMBER, nullable=True),
        sa.Column("month", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blog_uncounted")),
    )
    for column in ("post_id", "category_id"):
        op.create_index(op.f(f"ix_blog_uncounted_{column}"), "blog_uncounted", [column])
    op.create_table(
        "blog_count_state",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("shown_round", NUMBER, nullable=False),
        sa.Column("next_round", NUMBER, nullable=True),
        sa.Column("position", NUMBER, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_blog_count_state_only_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blog_count_state")),
    )
    with op.batch_alter_table("blog_posts") as posts:
        posts.add_column(
            sa.Column(
                "is_counted",
                sa.Boolean(),
                nullable=False,
                server_default=sa.literal_column("false"),
            )
        )
    if op.get_context().dialect.name == "postgresql":
        for statement in VACUUMED_SOON:
            op.execute(statement)
    with concurrently() as options:
        if options:  # an interrupted attempt may have left an unusable index
            op.drop_index(op.f(INDEX), "blog_posts", if_exists=True, **options)
        op.create_index(
            op.f(INDEX),
            "blog_posts",
            ["is_counted", "is_published", "published_at", "id"],
            if_not_exists=bool(options),
            **UNSETTLED,
            **options,
        )


def downgrade() -> None:
    with concurrently() as options:
        op.drop_index(op.f(INDEX), "blog_posts", **options)
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE blog_posts RESET (autovacuum_vacuum_scale_factor)")
    with op.batch_alter_table("blog_posts") as posts:
        posts.drop_column("is_counted")
    for table in ("blog_count_state", "blog_uncounted", "blog_counts"):
        op.drop_table(table)
