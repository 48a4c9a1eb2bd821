"""auth: sessions in which staff act as a user

Revision ID: 3c8e51d7a2f4
Revises: 7b4f19c2e8a6
Create Date: 2026-11-30 20:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime

revision = "3c8e51d7a2f4"
down_revision = "7b4f19c2e8a6"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "impersonations"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("session_id", NUMBER),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("staff_id", NUMBER, nullable=False),
        sa.Column("staff_session_id", NUMBER),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{table}.id"],
                name=op.f(f"fk_{TABLE}_{column}_{table}"),
                ondelete=gone,
            )
            for column, table, gone in (
                ("session_id", "login_sessions", "SET NULL"),
                ("user_id", "users", "CASCADE"),
                ("staff_id", "users", "CASCADE"),
                ("staff_session_id", "login_sessions", "SET NULL"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("session_id", name=op.f(f"uq_{TABLE}_session_id")),
    )
    with op.batch_alter_table(TABLE) as table:
        for column in ("user_id", "staff_id", "staff_session_id", "ended_at"):
            table.create_index(op.f(f"ix_{TABLE}_{column}"), [column])


def downgrade() -> None:
    op.drop_table(TABLE)
