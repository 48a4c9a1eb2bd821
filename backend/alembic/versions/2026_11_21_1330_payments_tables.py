"""payments: plans, customers, subscriptions, invoices, checkout attempts, webhook
events, notices

Revision ID: 94a70a52801d
Revises: 7c41e90ad85b
Create Date: 2026-11-21 13:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from app.db.types import UtcDateTime

revision = "94a70a52801d"
down_revision = "7c41e90ad85b"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("offered_as", sa.String(length=120), nullable=True),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", NUMBER, nullable=False),
        sa.Column("interval", sa.String(length=5), nullable=False),
        sa.Column("trial_days", NUMBER, nullable=False),
        sa.Column("trial_needs_card", sa.Boolean(), nullable=False),
        sa.Column("entitlements", sa.JSON(), nullable=False),
        sa.Column("stripe_product_id", sa.String(length=255), nullable=True),
        sa.Column("stripe_price_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("offered_as", name=op.f("uq_plans_offered_as")),
        sa.UniqueConstraint("stripe_price_id", name=op.f("uq_plans_stripe_price_id")),
    )
    op.create_index(op.f("ix_plans_slug"), "plans", ["slug"])

    op.create_table(
        "webhook_events",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payer", sa.String(length=255), nullable=True),
        sa.Column(
            "body", sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql"), nullable=False
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("seconds_ahead", NUMBER, nullable=True),
        sa.Column("processed_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_webhook_events_source_event_id")),
    )
    op.create_index(
        op.f("ix_webhook_events_outcome_received_at"), "webhook_events", ["outcome", "received_at"]
    )
    op.create_index(op.f("ix_webhook_events_payer"), "webhook_events", ["payer"])
    op.create_index(op.f("ix_webhook_events_seconds_ahead"), "webhook_events", ["seconds_ahead"])

    op.create_table(
        "customers",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("stripe_id", sa.String(length=255), nullable=True),
        sa.Column("creation_key", sa.String(length=64), nullable=False),
        sa.Column("creation_asked_at", UtcDateTime(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("trial_used_at", UtcDateTime(), nullable=True),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.Column("looks", NUMBER, nullable=False),
        sa.Column("seen", NUMBER, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_customers_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("creation_key", name=op.f("uq_customers_creation_key")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_customers_stripe_id")),
        sa.UniqueConstraint("user_id", name=op.f("uq_customers_user_id")),
    )
    op.create_index(op.f("ix_customers_person"), "customers", ["person"])

    op.create_table(
        "checkout_attempts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("customer_id", NUMBER, nullable=False),
        sa.Column("open_customer_id", NUMBER, nullable=True),
        sa.Column("plan_id", NUMBER, nullable=False),
        sa.Column("promotion_code", sa.String(length=255), nullable=True),
        sa.Column("trial_days", NUMBER, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_checkout_attempts_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["plans.id"],
            name=op.f("fk_checkout_attempts_plan_id_plans"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_attempts")),
        sa.UniqueConstraint("key", name=op.f("uq_checkout_attempts_key")),
        sa.UniqueConstraint("open_customer_id", name=op.f("uq_checkout_attempts_open_customer_id")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_checkout_attempts_stripe_id")),
    )
    op.create_index(op.f("ix_checkout_attempts_customer_id"), "checkout_attempts", ["customer_id"])
    op.create_index(op.f("ix_checkout_attempts_plan_id"), "checkout_attempts", ["plan_id"])

    op.create_table(
        "payment_notices",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("customer_id", NUMBER, nullable=False),
        sa.Column("key", sa.String(length=295), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_payment_notices_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_notices")),
        sa.UniqueConstraint("key", name=op.f("uq_payment_notices_key")),
    )
    op.create_index(op.f("ix_payment_notices_customer_id"), "payment_notices", ["customer_id"])

    op.create_table(
        "subscriptions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("customer_id", NUMBER, nullable=False),
        sa.Column("live_customer_id", NUMBER, nullable=True),
        sa.Column("plan_id", NUMBER, nullable=True),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("stripe_item_id", sa.String(length=255), nullable=False),
        sa.Column("stripe_price_id", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("current_period_start", UtcDateTime(), nullable=False),
        sa.Column("current_period_end", UtcDateTime(), nullable=False),
        sa.Column("trial_start", UtcDateTime(), nullable=True),
        sa.Column("trial_end", UtcDateTime(), nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("cancel_at", UtcDateTime(), nullable=True),
        sa.Column("canceled_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("past_due_since", UtcDateTime(), nullable=True),
        sa.Column("has_payment_method", sa.Boolean(), nullable=False),
        sa.Column("previewed_price_id", sa.String(length=255), nullable=True),
        sa.Column("previewed_at", UtcDateTime(), nullable=True),
        sa.Column("proration_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "live_customer_id IS NULL OR live_customer_id = customer_id",
            name=op.f("ck_subscriptions_live_payer"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_subscriptions_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["plans.id"],
            name=op.f("fk_subscriptions_plan_id_plans"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint("live_customer_id", name=op.f("uq_subscriptions_live_customer_id")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_subscriptions_stripe_id")),
    )
    op.create_index(
        op.f("ix_subscriptions_current_period_end"), "subscriptions", ["current_period_end"]
    )
    op.create_index(op.f("ix_subscriptions_customer_id"), "subscriptions", ["customer_id"])
    op.create_index(op.f("ix_subscriptions_plan_id"), "subscriptions", ["plan_id"])

    op.create_table(
        "payment_invoices",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("customer_id", NUMBER, nullable=False),
        sa.Column("subscription_id", NUMBER, nullable=True),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_due", NUMBER, nullable=False),
        sa.Column("amount_paid", NUMBER, nullable=False),
        sa.Column("amount_refunded", NUMBER, nullable=False),
        sa.Column("dispute", sa.String(length=40), nullable=True),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("hosted_invoice_url", sa.String(length=2000), nullable=True),
        sa.Column("invoice_pdf", sa.String(length=2000), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finalized_at", UtcDateTime(), nullable=True),
        sa.Column("paid_at", UtcDateTime(), nullable=True),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_payment_invoices_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_payment_invoices_subscription_id_subscriptions"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_invoices")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_payment_invoices_stripe_id")),
    )
    op.create_index(
        op.f("ix_payment_invoices_customer_id_created_at_id"),
        "payment_invoices",
        ["customer_id", "created_at", "id"],
    )
    op.create_index(
        op.f("ix_payment_invoices_subscription_id"), "payment_invoices", ["subscription_id"]
    )


def downgrade() -> None:
    for table in (
        "payment_invoices",
        "subscriptions",
        "payment_notices",
        "checkout_attempts",
        "customers",
        "webhook_events",
        "plans",
    ):
        op.drop_table(table)
