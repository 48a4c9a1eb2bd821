"""platform: keys that stay when SECRET_KEY is changed

Revision ID: 5d20c7b1e94f
Revises: 5e2b8a94c713
Create Date: 2026-11-28 20:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "5d20c7b1e94f"
down_revision = "5e2b8a94c713"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "kept_keys",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("purpose", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_keys")),
        sa.UniqueConstraint("purpose", name=op.f("uq_kept_keys_purpose")),
    )


def downgrade() -> None:
    op.drop_table("kept_keys")
