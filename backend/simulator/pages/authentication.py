"""The page of the card's bank, for 3-D Secure.

The page to which the customer goes next depends on what the authentication is for.
"""

from fastapi import APIRouter, Request, Response

from simulator.billing import authentication, checkout
from simulator.billing.payments import NOT_AUTHENTICATED
from simulator.billing.words import format_money
from simulator.objects import Object
from simulator.pages import checkout as checkout_page
from simulator.pages.rendering import (
    form_of,
    not_found,
    redirect_to,
    render_message,
    render_page,
    store_of,
)
from simulator.protocol.errors import StripeError
from simulator.state.store import Store
from simulator.state.work import Work

router = APIRouter()


@router.get("/c/authenticate/{secret}")
async def challenge(request: Request, secret: str) -> Response:
    with store_of(request).work() as work:
        intent = authentication.find(work, secret)
        if intent is None:
            return not_found()
        if intent["status"] != "requires_action":
            return render_message("This is done", "The bank has nothing more to ask.")
        card = work.get("payment_method", intent["payment_method"])["card"]
    amount = format_money(intent["amount"], intent["currency"]) if intent.get("amount") else ""
    return render_page("challenge", last4=card["last4"], amount=amount)


@router.post("/c/authenticate/{secret}")
async def answer(request: Request, secret: str) -> Response:
    passed = (await form_of(request)).get("outcome") == "complete"
    store = store_of(request)
    with store.work() as work:
        intent = authentication.find(work, secret)
        if intent is None:
            return not_found()
        back = _way_back(work, intent)
        session = work.first("checkout.session", _waiting=intent["id"])
        if session is None and intent["status"] == "requires_action":
            authentication.finish(work, intent, passed=passed)
    if session:
        back = _finish_checkout(store, session["id"], secret, passed=passed)
    return redirect_to(back) if back else render_message("This is done", "You can close this page.")


def _finish_checkout(store: Store, identity: str, secret: str, *, passed: bool) -> str:
    """Continue the Checkout session, and return the URL of the next page.

    If the payment has failed, this is the Checkout page. It shows the bank's response,
    and the customer can try another card.
    """
    problem = NOT_AUTHENTICATED.message
    try:
        with store.work() as work:
            session, intent = (
                checkout_page.find_session(work, identity),
                authentication.find(work, secret),
            )
            assert session
            assert intent
            if passed:
                checkout.resume(work, session, intent)
                return checkout_page.page_after(session)
            authentication.finish(work, intent, passed=False)
    except StripeError as refused:
        problem = refused.message
    with store.work() as work:
        session = work.get("checkout.session", identity)
        work.put(session | {"_waiting": None, "_problem": problem})
        return checkout_page.page_after(session)


def _way_back(work: Work, intent: Object) -> str:
    """Return the intent's return URL, or else the page of the invoice, if any."""
    redirect = (intent["next_action"] or {}).get("redirect_to_url") or {}
    if redirect.get("return_url"):
        return str(redirect["return_url"])
    payment = (
        work.first("invoice_payment", payment__payment_intent=intent["id"])
        if "amount" in intent
        else None
    )
    return str(work.get("invoice", payment["invoice"])["hosted_invoice_url"]) if payment else ""
