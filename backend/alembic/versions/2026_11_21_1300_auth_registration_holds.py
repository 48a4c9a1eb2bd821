"""auth: data of registrations with a taken address; platform: mails by recipient

Revision ID: 7c41e90ad85b
Revises: 5e2b8f417ac6
Create Date: 2026-11-21 13:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "7c41e90ad85b"
down_revision = "5e2b8f417ac6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("username_holds") as holds:
        holds.add_column(sa.Column("email", sa.String(length=254), nullable=True))
        holds.add_column(sa.Column("hashed_password", sa.String(length=255), nullable=True))
        holds.create_index(op.f("ix_username_holds_email"), ["email"])
    op.create_index(op.f("ix_mails_recipient"), "mails", ["recipient"])


def downgrade() -> None:
    op.drop_index(op.f("ix_mails_recipient"), "mails")
    with op.batch_alter_table("username_holds") as holds:
        holds.drop_index(op.f("ix_username_holds_email"))
        holds.drop_column("hashed_password")
        holds.drop_column("email")
