"""The state file contains every change when a unit of work ends, and before any
response.
"""

import shutil
from typing import Any

import pytest
import stripe

from simulator.settings import Settings
from simulator.state.store import Store
from tests.simulator.conftest import serving
from tests.simulator.shop import error_of
from tests.support.server import free_port


@pytest.fixture
def kept(tmp_path):
    """`kept()` returns the ids of the customers, or of other objects, that would
    survive if the simulator were killed at this moment.
    """
    (tmp_path / "live").mkdir()

    def after_a_kill(kind="customer"):
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(tmp_path / "live", copy)
        store = Store(copy / "state.db")
        with store.work() as work:
            found = work.ids(kind)
        store.close()
        return found

    return after_a_kill


def put(store):
    with store.work() as work:
        return work.put(work.new("customer", email=None, test_clock=None))["id"]


def test_a_unit_of_work_is_in_the_file_at_its_end(tmp_path, kept):
    store = Store(tmp_path / "live" / "state.db")
    first = put(store)
    assert kept() == [first]
    with store.batch():
        second = put(store)
        assert kept() == [first]
    assert kept() == [first, second]
    store.close()


def test_responses_wait_for_the_file_while_the_clock_moves(tmp_path, kept):
    with (
        serving(Settings(free_port(), tmp_path / "live" / "state.db")) as running,
        running.store.batch(),
    ):
        assert kept() == []
        v1 = running.client().v1
        customer = v1.customers.create()
        assert kept() == [customer.id]
        declined: Any = {
            "amount": 1500,
            "currency": "usd",
            "payment_method": "pm_card_chargeDeclined",
            "confirm": True,
        }
        with pytest.raises(stripe.CardError) as refused:
            v1.payment_intents.create(declined)
        assert kept("charge") == [error_of(refused).charge]
