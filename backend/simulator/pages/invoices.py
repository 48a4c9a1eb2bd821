"""The page of an invoice, where an open invoice can be paid, and its PDF."""

from fastapi import APIRouter, Request, Response

from simulator.billing import collection
from simulator.billing.payment_methods import attach, new_card
from simulator.billing.words import format_money
from simulator.objects import Object
from simulator.pages import invoice_view as view
from simulator.pages.calls import call_operation
from simulator.pages.card_forms import Sent, submitted
from simulator.pages.entry import OFFERED, read_card
from simulator.pages.invoice_pdf import invoice_pdf
from simulator.pages.rendering import not_found, render_page, store_of
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

router = APIRouter(prefix="/i")


@router.get("/{secret}")
async def show(request: Request, secret: str) -> Response:
    with store_of(request).work() as work:
        invoice = _found(work, secret)
        if invoice is None:
            return not_found()
        return _page(work, invoice, Sent(problem=_last_problem(work, invoice)))


@router.get("/{secret}/pdf")
async def pdf(request: Request, secret: str) -> Response:
    with store_of(request).work() as work:
        invoice = _found(work, secret)
        if invoice is None:
            return not_found()
    name = f"invoice-{invoice['number'] or invoice['id']}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(invoice_pdf(invoice), media_type="application/pdf", headers=headers)


@router.post("/{secret}")
async def pay(request: Request, secret: str) -> Response:
    return await submitted(request, "pay", lambda work: _found(work, secret), _pay, _page)


def _found(work: Work, secret: str) -> Object | None:
    """Return the invoice, and switch to its customer's test clock."""
    invoice = work.first("invoice", _secret=secret)
    work.use_clock_of(invoice)
    return invoice


def _pay(work: Work, invoice: Object, entry: dict[str, str]) -> str:
    """Pay with the typed card, and return the next page: this page, or 3-D Secure."""
    card = read_card(entry, work.now)
    customer = work.get("customer", invoice["customer"], "customer")
    method = work.put(
        new_card(work, card.number, card.exp_month, card.exp_year, {"name": card.name})
    )
    attach(work, method, customer)
    try:
        call_operation(
            work,
            "POST",
            f"/v1/invoices/{invoice['id']}/pay",
            payment_method=method["id"],
            off_session="false",
        )
    except StripeError as refused:
        if refused.code != "invoice_payment_intent_requires_action":
            raise
        action = collection.intent_of(work, invoice)["next_action"]
        return str(action["redirect_to_url"]["url"])
    return str(invoice["hosted_invoice_url"])


def _last_problem(work: Work, invoice: Object) -> str:
    """Return the reason why the last attempt failed, if the invoice is open."""
    if invoice["status"] != "open":
        return ""
    error = collection.intent_of(work, invoice)["last_payment_error"]
    return str(error["message"]) if error else ""


def _page(_: Work, invoice: Object, sent: Sent) -> Response:
    word, tone = view.state(invoice)
    open_now = invoice["status"] in {"open", "uncollectible"}
    return render_page(
        "invoice",
        number=invoice["number"] or invoice["id"],
        state=word,
        tone=tone,
        headline=view.headline(invoice),
        about=view.about(invoice),
        seller=view.SELLER,
        buyer=view.buyer(invoice),
        lines=view.lines(invoice),
        totals=view.totals(invoice),
        pdf=invoice["invoice_pdf"],
        payable=format_money(invoice["amount_remaining"], invoice["currency"]) if open_now else "",
        entry=sent.entry,
        errors=sent.errors,
        problem=sent.problem,
        cards=OFFERED,
    )
