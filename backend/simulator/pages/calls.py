"""What a page does, it does through the API's own operations: one rule for both, and
the same events.
"""

from urllib.parse import urlencode

from simulator.objects import Object
from simulator.protocol.checking import check
from simulator.protocol.forms import decode_form
from simulator.protocol.operations import find_operation
from simulator.state.work import Work


def call(work: Work, method: str, path: str, **params: str) -> Object:
    """As a request would; parameters have the names of a form (`**{"items[0][price]":
    …}`). Raises `StripeError`.
    """
    operation, ids = find_operation(method, path)
    return operation.handler(work, check(operation.takes, decode_form(urlencode(params))), *ids)


def release_schedule(work: Work, subscription: Object) -> None:
    """Have no schedule manage a subscription: what its owner wants now takes the place
    of what was planned.
    """
    if subscription["schedule"]:
        call(work, "POST", f"/v1/subscription_schedules/{subscription['schedule']}/release")
