"""Events of different payers are processed at the same time (R11, R12).

Events of one payer do not take threads from other payers.
"""

import pytest
from sqlalchemy import func, select

from app.platform.jobs import NotNow, exclusive_job, job_runs
from app.platform.jobs.worker_threads import THREADS, Worker
from app.platform.models import Job, Lane
from app.routers.payments.models import WebhookEvent
from tests.auth.factories import make_user
from tests.payments.factories import make_customer
from tests.payments.scripted import hang
from tests.payments.stripe_side import event, send
from tests.support.smtp import wait_until


@pytest.fixture
def payers(committed):
    return [make_customer(make_user(), stripe_id=f"cus_{n}") for n in range(3)]


@pytest.fixture
def working():
    worker = Worker()
    worker.start()
    yield worker
    worker.stop(20)


def tell(client, customer, number=1):
    for n in range(number):
        about = {"object": "customer", "id": customer.stripe_id}
        sent = event(about=about, id=f"evt_{customer.stripe_id}_{n}")
        assert send(client, sent).status_code == 200


def asked_about(script):
    """Return the payers that requests to Stripe have named."""
    return {path.split("cus_")[1][0] for _, path, *_ in script.requests if "cus_" in path}


@pytest.mark.only("postgresql", "mysql")  # on SQLite, fewer threads run jobs
def test_payers_do_not_wait_for_each_other(client, payers, script, request):
    script.answers = [hang]
    for customer in payers:
        tell(client, customer)
    request.getfixturevalue("working")
    wait_until(lambda: asked_about(script) == {"0", "1", "2"})
    assert not script.ended.is_set()
    script.ended.set()


def test_many_events_of_one_payer_leave_the_others_room(committed, client, payers, script, request):
    """The payer has more events than there are threads, and the first sync hangs."""
    script.answers = [hang]
    tell(client, payers[0], THREADS[Lane.OUTSIDE] * 3)
    request.getfixturevalue("working")
    wait_until(lambda: asked_about(script) == {"0"})
    tell(client, payers[1])
    wait_until(lambda: asked_about(script) == {"0", "1"})
    with committed() as db:
        tries = db.scalars(select(WebhookEvent.attempts).where(WebhookEvent.payer == "cus_0"))
        assert sum(tries) == 1, "one look for all of them"
    script.ended.set()


def test_a_job_whose_turn_it_is_not_costs_no_try(committed, client, payers, billing):
    tell(client, payers[0])
    with exclusive_job("payer cus_0"):
        assert job_runs.run_next(lane=Lane.OUTSIDE)
    with committed() as db:
        job = db.scalars(select(Job).where(Job.kind == "payments.process_event")).one()
        assert (job.attempts, job.lease, job.last_error) == (0, None, None)
        assert db.scalar(select(func.sum(WebhookEvent.attempts))) == 0


def test_only_one_is_alone():
    with (
        exclusive_job("a thing"),
        exclusive_job("another thing"),
        pytest.raises(NotNow),
        exclusive_job("a thing"),
    ):
        raise AssertionError("two at once")
    with exclusive_job("a thing"):
        pass
