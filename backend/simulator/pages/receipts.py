"""The receipt of a charge."""

from fastapi import APIRouter, Request, Response

from simulator.billing.words import format_money
from simulator.pages.rendering import not_found, render_message, store_of
from simulator.pages.words import brand, format_date

router = APIRouter()


@router.get("/r/{identity}")
async def receipt(request: Request, identity: str) -> Response:
    with store_of(request).work() as work:
        charge = work.find("charge", identity)
        if charge is None or not charge["paid"]:
            return not_found()
    amount, back = format_money(charge["amount"], charge["currency"]), charge["amount_refunded"]
    card = charge["payment_method_details"]["card"]
    text = (
        f"{amount} were paid on {format_date(charge['created'])} with {brand(card['brand'])} •••• "
        f"{card['last4']}."
    )
    if back:
        text += f" {format_money(back, charge['currency'])} was refunded."
    return render_message("Receipt", text)
