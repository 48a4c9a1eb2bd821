"""indexes for purges and recurring queries; when a payer's account was deleted

Revision ID: c5d81f0a37be
Revises: 94a70a52801d
Create Date: 2026-11-28 14:00:00+00:00
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime

revision = "c5d81f0a37be"
down_revision = "94a70a52801d"
branch_labels = None
depends_on = None

Indexes = Sequence[tuple[str, list[str], dict[str, Any]]]

ADDED: Indexes = (
    ("mails", ["dead_at"], {}),
    ("jobs", ["dead_at"], {}),
    (
        "users",
        ["is_active", "is_verified", "created_at"],
        {"postgresql_where": sa.text("is_active AND is_verified IS false")},
    ),
    ("login_sessions", ["ended_at"], {}),
    ("login_sessions", ["expires_at"], {}),
    ("login_sessions", ["user_id", "id"], {}),
    ("login_sessions", ["user_id", "ended_at", "id"], {}),
    ("security_events", ["user_id", "created_at", "id"], {}),
    (
        "security_events",
        ["kind", "facts"],
        {
            "mysql_length": {"facts": 64},
            "postgresql_where": sa.text("kind = 'locked_out'"),
            "sqlite_where": sa.text("kind = 'locked_out'"),
        },
    ),
    ("username_holds", ["email", "expires_at", "id"], {}),
    ("customers", ["forget_from"], {}),
    ("subscriptions", ["status", "current_period_end", "id"], {}),
    ("checkout_attempts", ["closed_at"], {}),
    ("webhook_events", ["outcome", "id"], {}),
    ("webhook_events", ["processed_at"], {}),
    ("payment_notices", ["created_at"], {}),
)
# The new indexes also serve the queries that used the old indexes.
REPLACED: Indexes = (
    ("login_sessions", ["user_id"], {}),
    ("security_events", ["user_id"], {}),
    ("username_holds", ["email"], {}),
    ("subscriptions", ["current_period_end"], {}),
    ("webhook_events", ["outcome", "received_at"], {}),
)


def upgrade() -> None:
    op.add_column("customers", sa.Column("forget_from", UtcDateTime(), nullable=True))
    # For accounts that were deleted before this column existed, the waiting time starts
    # now.
    op.execute(
        "UPDATE customers SET forget_from = CURRENT_TIMESTAMP WHERE user_id IN "
        "(SELECT id FROM users WHERE email LIKE 'deleted-%@deleted.invalid')"
    )
    op.execute(
        "UPDATE webhook_events SET processed_at = received_at WHERE outcome = 'dead' AND "
        "processed_at IS NULL"
    )
    # Each table now has its own purge job. A job of an unknown kind would stay forever.
    op.execute("DELETE FROM jobs WHERE kind IN ('auth.purge', 'payments.purge', 'platform.purge')")
    with _concurrently() as options:
        _create(ADDED, options)
        _drop(REPLACED, options)


def downgrade() -> None:
    with _concurrently() as options:
        _create(REPLACED, options)
        _drop(ADDED, options)
    with op.batch_alter_table("customers") as customers:
        customers.drop_column("forget_from")


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


def _create(indexes: Indexes, how: dict[str, Any]) -> None:
    for table, columns, options in indexes:
        name = op.f(_name(table, columns))
        if how:  # an interrupted attempt may have left an unusable index
            op.drop_index(name, table, if_exists=True, **how)
        op.create_index(name, table, columns, if_not_exists=bool(how), **options, **how)


def _drop(indexes: Indexes, how: dict[str, Any]) -> None:
    for table, columns, _ in indexes:
        op.drop_index(op.f(_name(table, columns)), table, if_exists=bool(how), **how)


def _name(table: str, columns: list[str]) -> str:
    return f"ix_{table}_{'_'.join(columns)}"
