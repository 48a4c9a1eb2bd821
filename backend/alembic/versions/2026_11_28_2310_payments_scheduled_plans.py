"""payments: changes of plan that wait for the end of a period, and test clocks

Revision ID: a4e07c91b3d5
Revises: 3b7f0c52d6a8
Create Date: 2026-11-28 23:10:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.revisions.indexes import concurrently
from app.db.types import UtcDateTime

revision = "a4e07c91b3d5"
down_revision = "3b7f0c52d6a8"
branch_labels = None
depends_on = None

INDEX = "ix_customers_test_clock"
STRIPE_ID = sa.String(length=255)
COLUMNS = (
    ("subscriptions", "schedule_id", STRIPE_ID),
    ("subscriptions", "scheduled_price_id", STRIPE_ID),
    ("subscriptions", "scheduled_at", UtcDateTime()),
    ("customers", "test_clock", STRIPE_ID),
)


def upgrade() -> None:
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    with concurrently() as options:
        if options:  # an interrupted attempt may have left an unusable index
            op.drop_index(INDEX, "customers", if_exists=True, **options)
        op.create_index(INDEX, "customers", ["test_clock"], if_not_exists=bool(options), **options)


def downgrade() -> None:
    with concurrently() as options:
        op.drop_index(INDEX, "customers", if_exists=bool(options), **options)
    for table, name, _kind in reversed(COLUMNS):
        with op.batch_alter_table(table) as changed:
            changed.drop_column(name)
