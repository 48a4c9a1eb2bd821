"""Recurring jobs use indexes: no statement reads a whole table."""

import re
from typing import Any

import pytest
from sqlalchemy import Engine, ForeignKeyConstraint, case, event, inspect, literal, null, select
from sqlalchemy.engine import Connection

from app.db.database import WorkerSession, engine
from app.platform import jobs, purges
from app.platform.models import Mail
from tests.support.filled import OLD, fill, our_tables

MANY = 20
# The excluded table, which is part of the blog's counters, has only one row.
SCANS = {
    "postgresql": re.compile(r"Seq Scan on (?!blog_count_state)(\w+)"),
    "mysql": re.compile(r"(\w+) ALL"),
}


def elsewhere(number):
    """Give the first users' rows to later users.

    The first users then have neither sessions nor identities, like users who have not
    finished their registration.
    """
    return case((number <= OLD, number + OLD), else_=number)


FULL = {
    "webhook_events.seconds_ahead": lambda _: null(),
    "webhook_events.outcome": lambda _: literal("done"),
    "subscriptions.status": lambda _: literal("canceled"),
    "subscriptions.live_customer_id": lambda _: null(),
    "checkout_attempts.open_customer_id": lambda _: null(),
    "users.is_active": lambda _: literal(value=True),
    "users.is_verified": lambda number: case((number <= OLD, False), else_=True),
    "login_sessions.user_id": elsewhere,
    "identities.user_id": elsewhere,
    "jobs.due_at": lambda _: null(),
    "customers.trial_used_at": lambda _: null(),
    "customers.test_clock": lambda _: null(),
    # A recount reads posts in large batches, so the first batch would be this whole
    # table.
    "blog_count_state.position": lambda _: literal(9_900),
    "blog_count_state.shown_round": lambda _: literal(1),
    "blog_count_state.next_round": lambda _: literal(2),
}


@pytest.fixture
def asked(committed):
    """Return the statements that were sent, with their parameters."""
    sent: dict[str, Any] = {}

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "DELETE", "UPDATE")):
            sent.setdefault(statement, parameters)

    fill(FULL)
    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


def plan_of(connection: Connection, statement: str, parameters: Any) -> str:
    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings().all()
    if connection.dialect.name == "postgresql":
        return "\n".join(row["QUERY PLAN"] for row in rows)
    return "\n".join(f"{row['table']} {row['type']}" for row in rows)


def names_its_rows(parameters: Any) -> bool:
    """Return whether a statement lists the keys of many rows.

    For such a statement, the planner may read a whole table if the table is as small as
    those of this test.
    """
    values = parameters.values() if isinstance(parameters, dict) else parameters
    return sum(len(one) if isinstance(one, list) else 1 for one in values) > MANY


def scans(asked: dict[str, Any]) -> dict[str, str]:
    """Return the statements that read a whole table, with their plans."""
    with engine.connect() as connection:
        plans = {
            one: plan_of(connection, one, parameters)
            for one, parameters in list(asked.items())
            if not names_its_rows(parameters)
        }
    return {
        statement: plan
        for statement, plan in plans.items()
        if SCANS[engine.dialect.name].search(plan)
    }


@pytest.mark.only("postgresql", "mysql")
def test_no_recurring_job_reads_a_whole_table(asked, settings):
    from tests.payments.stripe_side import KEY

    settings(STRIPE_SECRET_KEY=KEY)
    for kind in jobs.job_kinds().values():
        if kind.every:
            with WorkerSession() as db, db.begin():
                kind.run(db, {})
    with WorkerSession() as db:
        purges.overdue_purges(db)
    deleted = {one.split()[2] for one in asked if one.startswith("DELETE FROM")}
    assert deleted >= {declared.table for declared in purges.all_purges()}
    assert scans(asked) == {}


@pytest.mark.only("postgresql", "mysql")
def test_a_statement_without_an_index_is_seen(asked):
    """This test shows that the previous one would find a statement that reads a whole
    table.
    """
    with WorkerSession() as db:
        db.execute(select(Mail.id).where(Mail.subject == "x1"))
    assert scans(asked) != {}


@pytest.mark.only("postgresql", "mysql")
def test_each_foreign_key_begins_an_index(migrated):
    """Without an index, deleting the referenced row would read the whole table."""
    found = inspect(engine)
    without = []
    for table in our_tables(("app.",)):
        keys: list[Any] = [index["column_names"] for index in found.get_indexes(table.name)]
        keys += [unique["column_names"] for unique in found.get_unique_constraints(table.name)]
        keys.append(found.get_pk_constraint(table.name)["constrained_columns"])
        for constraint in table.constraints:
            if isinstance(constraint, ForeignKeyConstraint):
                columns = constraint.column_keys
                if not any(key[: len(columns)] == columns for key in keys):
                    without.append(f"{table.name}.{', '.join(columns)}")
    assert without == []
