"""The result of 3-D Secure, for a payment or for saving a card."""

from simulator.billing import collection, payments, setups
from simulator.billing.cards import Decline
from simulator.billing.payments import NOT_AUTHENTICATED, Answer
from simulator.objects import Object
from simulator.state.work import Work


def find(work: Work, client_secret: str) -> Object | None:
    """Return the payment or setup intent that this secret belongs to."""
    identity = client_secret.partition("_secret_")[0]
    for kind in ("payment_intent", "setup_intent"):
        intent = work.find(kind, identity)
        if intent and intent["client_secret"] == client_secret:
            work.use_clock_of(work.find("customer", intent["customer"]))
            return intent
    return None


def finish(work: Work, intent: Object, *, passed: bool) -> Decline | None:
    """Record whether the bank has authenticated the payer.

    The intent must be in `requires_action`.
    """
    if intent["object"] == "setup_intent":
        return _finish_setup(work, intent, passed=passed)
    if passed:
        method = work.get("payment_method", intent["payment_method"])
        answer = payments.confirm(work, intent, method, authenticated=True)
    else:
        payments.authentication_failed(work, intent)
        answer = Answer(decline=NOT_AUTHENTICATED)
    collection.settle(work, intent, answer)
    return answer.decline


def _finish_setup(work: Work, intent: Object, *, passed: bool) -> Decline | None:
    if not passed:
        setups.authentication_failed(work, intent)
        return NOT_AUTHENTICATED
    return setups.confirm(
        work, intent, work.get("payment_method", intent["payment_method"]), authenticated=True
    )
