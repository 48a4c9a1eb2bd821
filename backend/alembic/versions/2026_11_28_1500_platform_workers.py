"""platform: priority and expiry of mails, lanes of jobs

Revision ID: 5e2b8a94c713
Revises: c5d81f0a37be
Create Date: 2026-11-28 15:00:00+00:00
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime

revision = "5e2b8a94c713"
down_revision = "c5d81f0a37be"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = {
    "ix_mails_priority_due_at_id": ("mails", ["priority", "due_at", "id"]),
    "ix_jobs_lane_due_at_id": ("jobs", ["lane", "due_at", "id"]),
}


def upgrade() -> None:
    with op.batch_alter_table("mails") as mails:
        mails.add_column(sa.Column("priority", NUMBER, nullable=False, server_default="1"))
        mails.add_column(sa.Column("useful_until", UtcDateTime(), nullable=True))
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(
            sa.Column("lane", sa.String(length=16), nullable=False, server_default="asked")
        )
    with _concurrently() as options:
        for name, (table, columns) in INDEXES.items():
            if options:  # an interrupted attempt may have left an unusable index
                op.drop_index(op.f(name), table, if_exists=True, **options)
            op.create_index(op.f(name), table, columns, if_not_exists=bool(options), **options)


def downgrade() -> None:
    with _concurrently() as options:
        for name, (table, _) in INDEXES.items():
            op.drop_index(op.f(name), table, if_exists=bool(options), **options)
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("lane")
    with op.batch_alter_table("mails") as mails:
        mails.drop_column("useful_until")
        mails.drop_column("priority")


@contextmanager
def _concurrently() -> Iterator[dict[str, Any]]:
    """Yield options with which PostgreSQL creates and drops indexes without blocking
    writes.

    PostgreSQL cannot do this inside a transaction.
    """
    if op.get_context().dialect.name != "postgresql":
        yield {}
        return
    with op.get_context().autocommit_block():
        yield {"postgresql_concurrently": True}
