"""If Stripe hangs, nothing else hangs (R4, R11)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from app.db.database import admission, engine
from app.platform import jobs
from app.platform.jobs import job_runs
from app.platform.jobs.worker_threads import Worker
from app.platform.models import Lane
from app.routers.payments.gateway.admission import calls
from tests.auth.factories import make_user, token_for
from tests.payments.factories import make_customer, sell_plans
from tests.payments.scripted import hang
from tests.payments.steps import outcome, payer, subscribe, told
from tests.support.smtp import wait_until


def bearer(user):
    return {"Authorization": f"Bearer {token_for(user)}"}


def test_requests_that_wait_for_stripe_leave_the_others_room(client, committed, script):
    """R11: the number of waiting requests is larger than the number of connections."""
    script.answers = [hang]
    buyers = [make_user() for _ in range(admission.slots + 3)]
    for buyer in buyers:
        make_customer(buyer)
    headers = [bearer(buyer) for buyer in buyers]
    with ThreadPoolExecutor(len(buyers)) as pool:
        waiting = [pool.submit(client.post, "/payments/portal", headers=one) for one in headers]
        wait_until(lambda: len(script.requests) >= calls.slots)
        for one in headers:
            assert client.get("/payments/entitlements", headers=one).status_code == 200
        assert sum(not answer.done() for answer in waiting) >= calls.slots
        assert len(script.requests) <= calls.slots
        script.ended.set()
        assert {outcome(answer.result()) for answer in waiting} == {(503, "payments_unavailable")}


@pytest.mark.only("postgresql")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/payments/subscription/cancel", {}),
        ("/payments/subscription/preview", {"plan": "pro"}),
        ("/payments/subscription/change", {"plan": "pro"}),
        ("/payments/portal", None),
    ],
)
def test_no_transaction_is_open_while_stripe_is_asked(client, committed, stripe_side, path, body):
    """R4."""
    sell_plans()
    user = make_user()
    subscribe(stripe_side, user)
    told(client, stripe_side, user)
    assert (
        watched(stripe_side, lambda: client.post(path, json=body, headers=bearer(user))).status_code
        < 300
    )


@pytest.mark.only("postgresql")
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/customers"), ("GET", "/v1/invoices"), ("POST", "/v1/checkout/sessions")],
)
def test_no_transaction_is_open_at_any_step_of_a_checkout(
    client, committed, stripe_side, method, path
):
    """R4: the steps create the customer, sync the customer, and create the page."""
    sell_plans()
    headers = bearer(make_user())

    def begin():
        return client.post("/payments/checkout", json={"plan": "team"}, headers=headers)

    assert watched(stripe_side, begin, method=method, path=path).status_code == 201


@pytest.mark.only("postgresql")
def test_no_transaction_is_open_while_a_job_asks_stripe(committed, stripe_side):
    """R4, R12."""
    user = make_user()
    with committed() as db, db.begin():
        jobs.enqueue(db, "payments.sync_payer", {"customer_id": payer(user).id})
    assert watched(stripe_side, lambda: job_runs.run_next(lane=Lane.OUTSIDE))


def watched(side, call, **which):
    """Return the result of `call`, and check that no connection is in a transaction.

    During the call, or in one step of it, Stripe is slow.
    """
    side.chaos(next=[{"fault": "slow", "seconds": 1.5, **which}])
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(call)
        wait_until(lambda: not side.control("GET", "state")["chaos"]["next"])
        assert not asked.done()
        with engine.connect() as probe:
            open_ones = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                "pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            )
            assert probe.scalar(open_ones) == 0
        return asked.result()


def test_jobs_that_wait_for_stripe_delay_no_other_job(committed, script, smtp):
    """R11: for example, the jobs that send emails of auth are not delayed."""
    script.answers = [hang]
    customer = make_customer(make_user())
    with committed() as db, db.begin():
        jobs.enqueue(db, "payments.sync_payer", {"customer_id": customer.id})
    worker = Worker()
    worker.start()
    try:
        wait_until(lambda: script.requests)
        owner = make_user()
        with committed() as db, db.begin():
            jobs.enqueue(db, "auth.forgot_password", {"email": owner.email})
        wait_until(lambda: smtp.received)
        assert not script.ended.is_set()
    finally:
        script.ended.set()
        assert worker.stop(20)
