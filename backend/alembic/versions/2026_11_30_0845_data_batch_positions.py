"""platform: the positions that named batches have reached

Revision ID: b0d4a1c7e693
Revises: 7c1e59d0a2b8
Create Date: 2026-11-30 08:45:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime

revision = "b0d4a1c7e693"
down_revision = "7c1e59d0a2b8"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "batch_positions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("last_key", NUMBER, nullable=True),
        sa.Column("rows_done", NUMBER, nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_positions")),
        sa.UniqueConstraint("name", name=op.f("uq_batch_positions_name")),
    )


def downgrade() -> None:
    op.drop_table("batch_positions")
