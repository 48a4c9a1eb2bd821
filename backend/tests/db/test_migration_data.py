"""Revisions that change rows run on rows that the previous revision left."""

from datetime import UTC, datetime

from alembic import command
from sqlalchemy import insert, select

from app.db.migrations import alembic_config
from tests.db.alembic_runs import fill, tables

PERIOD_END = datetime(2030, 1, 1, tzinfo=UTC)
SOONER = datetime(2029, 12, 24, tzinfo=UTC)
# Each line has `cancel_at_period_end` and `cancel_at` before the migration, and then
# `cancel_at_period_end` after the migration.
ENDINGS = [
    (False, None, False),
    (False, PERIOD_END, True),
    (False, SOONER, False),
    (True, None, True),
    (True, PERIOD_END, True),
]


def test_a_subscription_due_to_end_at_its_period_end_is_flagged(scratch_url, scratch, settings):
    settings(DATABASE_URL=scratch_url)
    config = alembic_config()
    command.upgrade(config, "5d20c7b1e94f")
    fill(scratch)
    subscriptions = next(table for table in tables(scratch) if table.name == "subscriptions")
    with scratch.begin() as connection:
        row = dict(connection.execute(select(subscriptions)).mappings().one())
        connection.execute(subscriptions.delete())
        for number, (flag, cancel_at, _) in enumerate(ENDINGS, start=1):
            ours = {"id": number, "stripe_id": f"sub_{number}", "live_customer_id": None}
            ends = {
                "cancel_at_period_end": flag,
                "cancel_at": cancel_at,
                "current_period_end": PERIOD_END,
            }
            connection.execute(insert(subscriptions).values(row | ours | ends))

    command.upgrade(config, "3b7f0c52d6a8")

    subscriptions = next(table for table in tables(scratch) if table.name == "subscriptions")
    with scratch.connect() as connection:
        rows = (
            connection.execute(select(subscriptions).order_by(subscriptions.c.id)).mappings().all()
        )
    assert [bool(row["cancel_at_period_end"]) for row in rows] == [flag for _, _, flag in ENDINGS]
    assert {str(row["discounts"]) for row in rows} == {"[]"}
