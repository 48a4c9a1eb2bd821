"""The two ends of a Checkout session: complete and expired."""

from simulator.billing import quotes, setups
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.shapes.checkout import customer_details
from simulator.state.actions import timer_action
from simulator.state.work import Work


def require_open(session: Object) -> None:
    if session["status"] != "open":
        raise StripeError(
            f"This Checkout Session is {session['status']}: it can no longer be paid."
        )


def complete(work: Work, session: Object, intent: Object | None) -> None:
    customer = work.find("customer", session["customer"] or session.get("_customer"))
    subscription = work.find("subscription", session.get("_subscription"))
    wanted = [quotes.source_of(work, one) for one in session.get("_chosen", [])]
    session |= {
        "status": "complete",
        "url": None,
        "payment_status": "paid" if intent else "no_payment_required",
        "customer": customer["id"] if customer else None,
        "customer_details": customer_details(
            email=customer["email"] if customer else session["_email"],
            name=session["_name"] or (customer["name"] if customer else None),
        ),
        "subscription": subscription["id"] if subscription else None,
        "invoice": subscription["latest_invoice"] if subscription else None,
        "payment_intent": intent["id"] if intent and session["mode"] == "payment" else None,
        "_waiting": None,
    }
    quotes.with_amounts(work, session, wanted)
    work.clear_timer("checkout.expire", session["id"])
    work.put(session)
    work.emit("checkout.session.completed", session)


@timer_action("checkout.expire")
def session_is_late(work: Work, identity: str) -> None:
    expire(work, work.get("checkout.session", identity))


def expire(work: Work, session: Object) -> Object:
    require_open(session)
    session |= {"status": "expired", "url": None, "_waiting": None}
    if session["mode"] == "setup":
        setups.cancel(work, work.get("setup_intent", session["setup_intent"]), None)
    work.clear_timer("checkout.expire", session["id"])
    work.put(session)
    work.emit("checkout.session.expired", session)
    return session
