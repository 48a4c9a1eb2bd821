"""platform: marks that announce changes to caches

Revision ID: 7c1e59d0a2b8
Revises: a4e07c91b3d5
Create Date: 2026-11-29 14:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime

revision = "7c1e59d0a2b8"
down_revision = "a4e07c91b3d5"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cache_marks",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=130), nullable=False),
        sa.Column("process", sa.String(length=16), nullable=False),
        sa.Column("hot_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cache_marks")),
    )
    with op.batch_alter_table("cache_marks") as marks:
        marks.create_index(op.f("ix_cache_marks_hot_until"), ["hot_until"])


def downgrade() -> None:
    op.drop_table("cache_marks")
