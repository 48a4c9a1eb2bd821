"""platform: the audit log of the admin, which PostgreSQL protects with triggers

Revision ID: 7b4f19c2e8a6
Revises: 5a1c7e90d3b6
Create Date: 2026-11-30 15:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime

revision = "7b4f19c2e8a6"
down_revision = "5a1c7e90d3b6"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# The purge deletes rows after 400 days. The triggers check only the age of a row, not a
# setting or a role of the session, so no session can pretend to be the purge.
PROTECTION = """
CREATE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.created_at < statement_timestamp() - interval '400 days' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit entries are never changed, and are kept for 400 days'
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
TRIGGER = "CREATE TRIGGER {} BEFORE {} ON audit_entries FOR EACH {} EXECUTE FUNCTION {}()"
FUNCTION = "audit_entries_stay"


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("actor_id", NUMBER, nullable=False),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("target", sa.String(length=80), nullable=False),
        sa.Column("summary", sa.String(length=300), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("audit_entries") as entries:
        entries.create_index(op.f("ix_audit_entries_target_id"), ["target", "id"])
        entries.create_index(op.f("ix_audit_entries_actor_id_id"), ["actor_id", "id"])
        entries.create_index(op.f("ix_audit_entries_created_at"), ["created_at"])
    if op.get_context().dialect.name == "postgresql":
        op.execute(PROTECTION)
        op.execute(TRIGGER.format(FUNCTION, "UPDATE OR DELETE", "ROW", FUNCTION))
        op.execute(TRIGGER.format(f"{FUNCTION}_whole", "TRUNCATE", "STATEMENT", FUNCTION))


def downgrade() -> None:
    op.drop_table("audit_entries")
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {FUNCTION}()")
