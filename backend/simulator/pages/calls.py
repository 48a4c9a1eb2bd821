"""How pages call API operations, so that the same rules and events apply."""

from urllib.parse import urlencode

from simulator.objects import Object
from simulator.protocol.checking import check
from simulator.protocol.forms import decode_form
from simulator.protocol.operations import find_operation
from simulator.state.work import Work


def call_operation(work: Work, method: str, path: str, **params: str) -> Object:
    """Call an operation as an API request does. Raises `StripeError`.

    Parameters are named as in a form, for example `**{"items[0][price]": …}`.
    """
    operation, ids = find_operation(method, path)
    return operation.handler(work, check(operation.takes, decode_form(urlencode(params))), *ids)


def release_schedule(work: Work, subscription: Object) -> None:
    """Release the subscription from its schedule.

    The customer's new choice replaces the planned changes.
    """
    if subscription["schedule"]:
        call_operation(
            work, "POST", f"/v1/subscription_schedules/{subscription['schedule']}/release"
        )
