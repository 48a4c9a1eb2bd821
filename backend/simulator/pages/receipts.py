"""The receipt of a charge."""

from fastapi import APIRouter, Request, Response

from simulator.billing.words import money
from simulator.pages.rendering import message, not_found, store_of
from simulator.pages.words import brand, day

router = APIRouter()


@router.get("/r/{identity}")
async def receipt(request: Request, identity: str) -> Response:
    with store_of(request).work() as work:
        charge = work.find("charge", identity)
        if charge is None or not charge["paid"]:
            return not_found()
    amount, back = money(charge["amount"], charge["currency"]), charge["amount_refunded"]
    card = charge["payment_method_details"]["card"]
    text = (
        f"{amount} were paid on {day(charge['created'])} with {brand(card['brand'])} •••• "
        f"{card['last4']}."
    )
    if back:
        text += f" {money(back, charge['currency'])} of it went back."
    return message("Receipt", text)
