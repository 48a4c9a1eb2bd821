"""Adding a card in the portal.

The card is saved with a setup intent, perhaps after 3-D Secure. Then it becomes the
default card.
"""

from fastapi import APIRouter, Request, Response

from simulator.billing import setups
from simulator.billing.payment_methods import new_card
from simulator.pages.card_forms import Sent, submitted
from simulator.pages.entry import OFFERED, read_card
from simulator.pages.portal import Visit, finished, pay_with, visit
from simulator.pages.rendering import not_found, redirect_to, render_page, store_of
from simulator.protocol.errors import card_error
from simulator.state.work import Work

router = APIRouter(prefix="/p/session/{secret}/cards")


@router.get("")
async def form(request: Request, secret: str, intent: str = "") -> Response:
    """Show the form, or finish after 3-D Secure, when `intent` is the setup intent."""
    with store_of(request).work() as work:
        here = _found(work, secret)
        if here is None:
            return not_found()
        problem = _after_challenge(here, intent) if intent else ""
        if intent and not problem:
            return redirect_to(finished(here, "card"))
        return _page(work, here, Sent(problem=problem))


@router.post("")
async def save(request: Request, secret: str) -> Response:
    return await submitted(request, "save", lambda work: _found(work, secret), _save, _page)


def _save(work: Work, here: Visit, entry: dict[str, str]) -> str:
    """Save the card, and return the URL of the next page."""
    customer = here.customer["id"]
    card = read_card(entry, work.now)
    method = work.put(
        new_card(work, card.number, card.exp_month, card.exp_year, {"name": card.name})
    )
    intent = setups.new_intent(work, customer=customer, usage="off_session")
    intent["_return_url"] = f"{here.base}/cards?intent={intent['id']}"
    if decline := setups.confirm(work, intent, method):
        raise card_error(decline.message, decline.code, decline_code=decline.decline_code)
    if intent["status"] == "requires_action":
        return str(intent["next_action"]["redirect_to_url"]["url"])
    pay_with(here, method["id"])
    return finished(here, "card")


def _after_challenge(here: Visit, identity: str) -> str:
    """Make the card the default, or return a message that says why not."""
    intent = here.work.find("setup_intent", identity)
    if intent is None or intent["customer"] != here.customer["id"]:
        return "There is no such card."
    if intent["status"] != "succeeded":
        error = intent["last_setup_error"]
        return str(error["message"]) if error else "The bank has not been asked yet."
    if here.card(intent["payment_method"]):
        pay_with(here, intent["payment_method"])
    return ""


def _found(work: Work, secret: str) -> Visit | None:
    here = visit(work, secret)
    return here if here and here.features["payment_method_update"]["enabled"] else None


def _page(_: Work, here: Visit, sent: Sent) -> Response:
    return render_page(
        "portal_card",
        back=here.back,
        entry=sent.entry,
        errors=sent.errors,
        problem=sent.problem,
        cards=OFFERED,
    )
