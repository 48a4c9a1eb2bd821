"""Disputes that cardholders open, and that the seller answers, wins or loses."""

from datetime import UTC, datetime
from typing import Any

from simulator.billing import cards
from simulator.durations import DAY
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.shapes.payment import new_dispute
from simulator.state.actions import timer_action
from simulator.state.work import Work

TO_ANSWER = 9 * DAY
TO_DECIDE = DAY
OPEN = frozenset({"needs_response", "warning_needs_response"})
DECIDED = frozenset({"won", "lost", "warning_closed"})
_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}


@timer_action("charge.dispute")
def dispute_by_card(work: Work, charge_id: str) -> None:
    """Open the dispute that a test card causes shortly after a charge."""
    charge = work.get("charge", charge_id)
    payment_method = work.find("payment_method", charge["payment_method"])
    card = cards.by_number(payment_method["_number"]) if payment_method else None
    if card and card.dispute and not charge["disputed"]:
        open_dispute(work, charge, card.dispute, inquiry=card.inquiry)


def open_dispute(
    work: Work, charge: Object, reason: str = "fraudulent", *, inquiry: bool = False
) -> Object:
    """Open a dispute or an inquiry.

    An inquiry is only a question. No money moves yet, and the inquiry is settled if the
    charge is refunded.
    """
    if not charge["paid"] or charge["disputed"]:
        raise StripeError(
            "Only a successful charge can be disputed, and only once.", param="charge"
        )
    last_second = datetime.fromtimestamp(work.now + TO_ANSWER, UTC).replace(
        hour=23, minute=59, second=59
    )
    dispute = new_dispute(
        work.new_id("dispute"), created=work.now, charge=charge, due_by=int(last_second.timestamp())
    )
    brand = charge["payment_method_details"]["card"]["brand"]
    dispute |= {
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
        "is_charge_refundable": inquiry,
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": brand,
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": brand,
                "network_reason_code": _CODES.get(reason, "10.4"),
            },
        },
    }
    work.put(dispute)
    work.emit("charge.dispute.created", dispute)
    charge["disputed"] = True
    work.put(charge)
    work.emit("charge.updated", charge)
    if not inquiry:
        work.emit("charge.dispute.funds_withdrawn", dispute)
    work.set_timer("dispute.late", dispute["id"], dispute["evidence_details"]["due_by"])
    return dispute


def find_dispute(work: Work, identity: str) -> Object:
    """Return the dispute with this id, and use its customer's test clock from now on.

    Raises an error if there is no such dispute.
    """
    found = work.get("dispute", identity)
    charge = work.get("charge", found["charge"])
    work.use_clock_of(work.find("customer", charge["customer"]))
    return found


def submit_evidence(
    work: Work, dispute: Object, evidence: dict[str, Any], *, submit: bool
) -> Object:
    """Store the evidence, and send it to the bank when it is submitted.

    As in Stripe's test mode, the text decides: the seller wins with `winning_evidence`
    and loses with `losing_evidence` or any other text.
    """
    if dispute["status"] not in OPEN:
        raise StripeError("This dispute is already closed or under review.", param="evidence")
    dispute["evidence"] = dispute["evidence"] | evidence
    details = dispute["evidence_details"] | {
        "has_evidence": any(isinstance(value, str) for value in evidence.values())
    }
    if submit:
        details |= {
            "submission_count": details["submission_count"] + 1,
            "submission_method": "manual",
        }
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        work.clear_timer("dispute.late", dispute["id"])
        work.set_timer("dispute.decide", dispute["id"], work.now + TO_DECIDE)
    dispute["evidence_details"] = details
    work.put(dispute)
    work.emit("charge.dispute.updated", dispute)
    return dispute


@timer_action("dispute.decide")
def decide(work: Work, identity: str) -> None:
    dispute = work.get("dispute", identity)
    close_dispute(
        work, dispute, won="winning_evidence" in (dispute["evidence"]["uncategorized_text"] or "")
    )


@timer_action("dispute.late")
def not_answered(work: Work, identity: str) -> None:
    dispute = work.get("dispute", identity)
    dispute["evidence_details"] = dispute["evidence_details"] | {"past_due": True}
    close_dispute(work, dispute, won=False)


def close_dispute(work: Work, dispute: Object, *, won: bool) -> Object:
    """Close a dispute.

    If the seller has won, the money that was withdrawn is returned. For an inquiry, no
    money moves.
    """
    if dispute["status"] in DECIDED:
        raise StripeError("This dispute is already closed.", param="dispute")
    for name in ("dispute.late", "dispute.decide"):
        work.clear_timer(name, dispute["id"])
    inquiry = dispute["status"].startswith("warning_")
    dispute["status"] = "warning_closed" if inquiry else "won" if won else "lost"
    work.put(dispute)
    work.emit("charge.dispute.closed", dispute)
    if won and not inquiry:
        work.emit("charge.dispute.funds_reinstated", dispute)
    return dispute
