"""activity: the outbox of the platform, and the timelines

Revision ID: 5d2e8b71c9f4
Revises: d18e6a40c7f2
Create Date: 2026-11-30 09:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime

revision = "5d2e8b71c9f4"
down_revision = "d18e6a40c7f2"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "activity_outbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("summary", sa.String(length=300), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_outbox")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("activity_outbox") as outbox:
        outbox.create_index(op.f("ix_activity_outbox_user_id_id"), ["user_id", "id"])
        outbox.create_index(op.f("ix_activity_outbox_created_at"), ["created_at"])
    op.create_table(
        "activities",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("summary", sa.String(length=300), nullable=False),
        sa.Column("words", sa.String(length=700), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
    )
    with op.batch_alter_table("activities") as activities:
        activities.create_index(op.f("ix_activities_user_id_id"), ["user_id", "id"])
        activities.create_index(op.f("ix_activities_user_id_kind_id"), ["user_id", "kind", "id"])
        activities.create_index(
            op.f("ix_activities_user_id_created_at_kind"), ["user_id", "created_at", "kind"]
        )
        activities.create_index(op.f("ix_activities_created_at"), ["created_at"])


def downgrade() -> None:
    op.drop_table("activities")
    op.drop_table("activity_outbox")
