"""payments: more of Stripe's data about a subscription, in addition to its status

The new columns are filled when a payer is next refreshed from Stripe. `make
billing-doctor fix=yes` refreshes all payers.

Revision ID: 3b7f0c52d6a8
Revises: 5d20c7b1e94f
Create Date: 2026-11-28 23:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime

revision = "3b7f0c52d6a8"
down_revision = "5d20c7b1e94f"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = (
    ("pause_behavior", sa.String(length=32)),
    ("pause_until", UtcDateTime()),
    ("pending_update_until", UtcDateTime()),
    ("trial_without_card", sa.String(length=32)),
    ("days_until_due", NUMBER),
    ("discounts", sa.JSON()),
)


def upgrade() -> None:
    # Nullable, because processes of the previous version may write rows during a
    # rolling deployment.
    for name, kind in COLUMNS:
        op.add_column("subscriptions", sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE subscriptions SET cancel_at_period_end = (cancel_at_period_end OR cancel_at = "
        "current_period_end) WHERE cancel_at IS NOT NULL"
    )
    op.execute("UPDATE subscriptions SET discounts = '[]'")


def downgrade() -> None:
    with op.batch_alter_table("subscriptions") as subscriptions:
        for name, _kind in reversed(COLUMNS):
            subscriptions.drop_column(name)
