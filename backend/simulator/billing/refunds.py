"""Refunds, which succeed immediately, later or never, depending on the test card."""

from simulator.billing import cards
from simulator.durations import DAY
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.shapes.payment import new_refund, refunds_of
from simulator.state.actions import timer_action
from simulator.state.work import Work


def refund(
    work: Work, charge: Object, amount: int | None, reason: str | None, metadata: dict[str, str]
) -> Object:
    """Refund an amount, or everything not yet refunded if no amount is given.

    Raises Stripe's error if the amount is too large or the charge is disputed.
    """
    rest = charge["amount_captured"] - charge["amount_refunded"]
    if (
        charge["disputed"]
        and (work.first("dispute", charge=charge["id"]) or {}).get("is_charge_refundable") is False
    ):
        raise StripeError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if not rest:
        raise StripeError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    wanted = rest if amount is None else amount
    if wanted < 1:
        raise StripeError(
            "Invalid positive integer", code="parameter_invalid_integer", param="amount"
        )
    if wanted > rest:
        raise StripeError(
            f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({rest})",
            param="amount",
        )
    made = new_refund(work.new_id("refund"), created=work.now, charge=charge, amount=wanted)
    made |= {"reason": reason, "metadata": metadata}
    _begin(work, made, charge)
    return made


def _begin(work: Work, made: Object, charge: Object) -> None:
    card = _card(work, charge)
    if card and card.refund == "pends":
        made |= {"status": "pending", "pending_reason": "processing"}
        work.set_timer("refund.succeed", made["id"], work.now + DAY)
    elif card and card.refund == "fails":
        work.set_timer("refund.fail", made["id"], work.now + DAY)
    work.put(made)
    _count(work, charge, made["amount"])
    work.emit("refund.created", made)


def _card(work: Work, charge: Object) -> cards.Card | None:
    payment_method = work.find("payment_method", charge["payment_method"])
    return cards.by_number(payment_method["_number"]) if payment_method else None


def _count(work: Work, charge: Object, amount: int) -> None:
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    charge["refunds"] = refunds_of(
        charge["id"], list(work.all("refund", charge=charge["id"]))[::-1]
    )
    work.put(charge)
    previous = {name: value for name, value in before.items() if value != charge[name]}
    if amount > 0:
        work.emit("charge.refunded", charge, previous)
    else:
        work.emit("charge.updated", charge)


@timer_action("refund.succeed")
def succeed(work: Work, identity: str) -> None:
    found = work.get("refund", identity)
    found |= {"status": "succeeded", "pending_reason": None}
    work.put(found)
    work.emit("refund.updated", found)
    _count(work, work.get("charge", found["charge"]), 0)


@timer_action("refund.fail")
def fail(work: Work, identity: str) -> None:
    """Let a refund fail.

    The bank returns the money, so this amount no longer counts as refunded.
    """
    found = work.get("refund", identity)
    found |= {"status": "failed", "failure_reason": "unknown"}
    work.put(found)
    work.emit("refund.updated", found)
    _count(work, work.get("charge", found["charge"]), -found["amount"])
    work.emit("refund.failed", found)


def cancel(work: Work, found: Object) -> Object:
    if found["status"] != "pending":
        raise StripeError("Only a pending refund can be canceled.")
    work.clear_timer("refund.succeed", found["id"])
    found |= {"status": "canceled", "pending_reason": None}
    work.put(found)
    work.emit("refund.updated", found)
    _count(work, work.get("charge", found["charge"]), -found["amount"])
    return found
