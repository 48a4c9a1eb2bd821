"""The Checkout page, on which a customer pays what the session sells."""

from fastapi import APIRouter, Request, Response

from simulator.billing import checkout, quotes
from simulator.billing.checkout import CardForm
from simulator.durations import DAY
from simulator.objects import Object
from simulator.pages.card_forms import Sent, submitted
from simulator.pages.checkout_view import Bought, view
from simulator.pages.entry import OFFERED, Wrong, read_card, read_email
from simulator.pages.rendering import not_found, render_message, render_page, store_of
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

router = APIRouter(prefix="/c/pay")


@router.get("/{identity}")
async def show(request: Request, identity: str, promotion_code: str = "") -> Response:
    with store_of(request).work() as work:
        session = find_session(work, identity)
        if session is None:
            return not_found()
        sent = Sent(problem=session.get("_problem") or "")
        sent.entry["promotion_code"] = promotion_code.strip()[:100]
        return _page(work, session, sent)


@router.post("/{identity}")
async def pay(request: Request, identity: str) -> Response:
    return await submitted(request, "pay", lambda work: find_session(work, identity), _pay, _page)


def find_session(work: Work, identity: str) -> Object | None:
    """Return the session, and use its customer's clock."""
    session = work.find("checkout.session", identity)
    if session:
        work.use_clock_of(work.find("customer", session["customer"]))
    return session


def page_after(session: Object) -> str:
    """Return the URL to which the customer goes next.

    Once the session is complete, this is the seller's page, if the session names one.
    Before that, it is the Checkout page.
    """
    if session["status"] == "complete" and session["success_url"]:
        return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])
    return f"/c/pay/{session['id']}"


def _pay(work: Work, session: Object, entry: dict[str, str]) -> str:
    if session["status"] != "open":
        return f"/c/pay/{session['id']}"  # that page says that the session is over
    session["_problem"] = None
    code = entry["promotion_code"] or None
    form = _read(work, session, entry) if quotes.wants_card(work, session, code) else None
    if form is None and not _known_email(work, session):
        form = CardForm("", 0, 0, "", email=read_email(entry))
    checkout.pay(work, session, form, code)
    work.put(session)
    return checkout.next_step(work, session) or page_after(session)


def _read(work: Work, session: Object, entry: dict[str, str]) -> CardForm:
    """Read the email address and the card. Raises `Wrong` with the errors of both."""
    email = _known_email(work, session)
    errors: dict[str, str] = {}
    try:
        email = email or read_email(entry)
    except Wrong as wrong:
        errors |= wrong.errors
    try:
        card = read_card(entry, work.now)
    except Wrong as wrong:
        raise Wrong(errors | wrong.errors) from None
    if errors:
        raise Wrong(errors)
    return CardForm(card.number, card.exp_month, card.exp_year, card.cvc, email, card.name)


def _known_email(work: Work, session: Object) -> str:
    customer = work.find("customer", session["customer"])
    return str((customer or {}).get("email") or session["customer_email"] or "")


def _page(work: Work, session: Object, sent: Sent) -> Response:
    if session["status"] == "expired":
        link = session["cancel_url"] or ""
        return render_message(
            "This checkout has expired",
            "Go back and start again.",
            link=link,
            link_text="Back",
        )
    if session["status"] == "complete":
        after = page_after(session) if session["success_url"] else ""
        return render_message(
            "This is done", "There is nothing left to pay here.", link=after, link_text="Go on"
        )
    entry, errors = sent.entry, sent.errors
    try:
        bought = _bought(work, session, entry["promotion_code"])
    except StripeError:
        errors["promotion_code"] = "This code is invalid."
        bought, entry = _bought(work, session, ""), entry | {"promotion_code": ""}
    return render_page(
        "checkout",
        view=view(session, bought, email=_known_email(work, session), now=work.now),
        entry=entry,
        errors=errors,
        problem=sent.problem,
        promotion_code=entry["promotion_code"],
        cards=OFFERED,
    )


def _bought(work: Work, session: Object, promotion_code: str) -> Bought:
    quote = quotes.quote(work, session, promotion_code or None)
    return Bought(
        items=quotes.line_items(session),
        subtotal=quote.subtotal,
        due=quote.due_today,
        discounts=[(promotion_code or "Discount", quote.discount)] if quote.discount else [],
        later=quote.recurring,
        trial_end=_trial_end(work, session),
        card_wanted=quotes.wants_card(work, session, promotion_code or None),
    )


def _trial_end(work: Work, session: Object) -> int | None:
    if session["mode"] != "subscription":
        return None
    days = quotes.trial_days(session)
    end: int | None = session["_subscription_data"].get("trial_end")
    return work.now + days * DAY if days else end
