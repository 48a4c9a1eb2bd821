"""A schedule that does not fit its subscription is refused."""

import pytest
from stripe import InvalidRequestError

from tests.simulator.resources.phases import phases_of
from tests.simulator.shop import error_of


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"from_subscription": "sub_none"}, "from_subscription"),
        ({"customer": "cus_none"}, "customer"),
        ({"phases": []}, "customer"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(v1, wish, param):
    with pytest.raises(InvalidRequestError) as refused:
        v1.subscription_schedules.create(wish)
    assert error_of(refused).param == param


def test_phases_that_do_not_fit_are_refused(shop, v1, running):
    made = v1.subscription_schedules.create({"from_subscription": running.id})
    with pytest.raises(InvalidRequestError, match="already attached"):
        v1.subscription_schedules.create({"from_subscription": running.id})
    now, then = phases_of(made, shop.price(500))
    wrong = [
        [then],
        [{**now, "start_date": now["start_date"] + 1}, then],
        [now, {**then, "start_date": now["end_date"] + 1}],
        [now, {**then, "end_date": now["end_date"] - 1}],
        [now, {**then, "end_date": now["end_date"] + 9, "duration": {"interval": "day"}}],
        [now, then, then],
    ]
    for phases in wrong:
        with pytest.raises(InvalidRequestError) as refused:
            v1.subscription_schedules.update(made.id, {"phases": phases})
        assert error_of(refused).param.startswith("phases")
    assert len(v1.subscription_schedules.retrieve(made.id).phases) == 1
