"""A checkout is a chain of committed steps. These tests count them.

`test_hanging.py` shows that no transaction is open while Stripe is called.
"""

import pytest
from sqlalchemy import Engine, event

from tests.auth.factories import make_user
from tests.payments.factories import sell_plans

pytestmark = pytest.mark.usefixtures("stripe_side")


@pytest.fixture
def buyer(committed, client, login):
    sell_plans()
    login(make_user())
    assert client.get("/payments/plans").status_code == 200  # this request starts the application
    return client


@pytest.fixture
def commits():
    """Return a list that gets an entry for each commit, including those of side
    sessions.
    """
    seen = []

    def note(connection):
        seen.append(connection.engine)

    event.listen(Engine, "commit", note)
    yield seen
    event.remove(Engine, "commit", note)


def begin(client, plan, commits, statements):
    """Begin a checkout, and return how many commits and statements it took."""
    commits.clear()
    statements.clear()
    assert client.post("/payments/checkout", json={"plan": plan}).status_code == 201
    return len(commits), len(statements)


def test_a_first_checkout_has_eight_commits(buyer, commits, statements):
    """1. The payer is stored, before Stripe creates the customer.
    2. The customer's id is stored.
    3. The caller is checked again, and no open attempt is found.
    4. A number is taken for the sync with Stripe, in a separate session.
    5. The result of the sync is stored.
    6. The attempt is stored, before Stripe creates the session.
    7. The session is stored.
    8. The caller is checked again, and `get_db` commits.
    """
    count, sent = begin(buyer, "team", commits, statements)
    assert count == 8
    assert sent <= 40, "MySQL reads back what the others return from an insert"


def test_the_same_checkout_again_has_three_commits(buyer, commits, statements):
    """The open attempt is found, its session is stored, and the caller is checked."""
    begin(buyer, "team", commits, statements)
    assert begin(buyer, "team", commits, statements) == (3, 7)


def test_a_checkout_of_another_plan_has_seven_commits(buyer, commits, statements):
    """The open attempt is found and ended. The other commits are those of a first
    checkout. This plan has a trial, so one more statement waits for other accounts of
    the same person.
    """
    begin(buyer, "team", commits, statements)
    count, sent = begin(buyer, "pro", commits, statements)
    assert count == 7
    assert sent <= 31
