"""The change to another plan: the customer chooses, sees the cost, and confirms."""

from typing import Any

from fastapi import APIRouter, Request, Response

from simulator.billing import collection, payments
from simulator.billing.words import format_money
from simulator.objects import Object
from simulator.pages import portal_view as view
from simulator.pages.calls import call_operation, release_schedule
from simulator.pages.portal import Visit, finished, visit
from simulator.pages.rendering import form_of, not_found, redirect_to, render_page, store_of
from simulator.pages.words import format_date
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

router = APIRouter(prefix="/p/session/{secret}/subscriptions/{identity}")


@router.get("/change")
async def choose(request: Request, secret: str, identity: str) -> Response:
    with store_of(request).work() as work:
        here, subscription = _found(work, secret, identity)
        if here is None or subscription is None:
            return not_found()
        choices = view.choices(work, here.features, _item(here, subscription)["price"])
        return render_page(
            "portal_change", base=here.base, back=here.back, subscription=identity, choices=choices
        )


@router.get("/preview")
async def preview(request: Request, secret: str, identity: str, price: str = "") -> Response:
    with store_of(request).work() as work:
        here, subscription = _found(work, secret, identity)
        if here is None or subscription is None or not _offered(here, subscription, price):
            return not_found()
        return _preview(here, subscription, price)


@router.post("/change")
async def change(request: Request, secret: str, identity: str) -> Response:
    """Change the plan at the cost that the preview showed.

    The form contains the time of the preview. If the payment fails, the plan stays as
    it was.
    """
    form, store = await form_of(request), store_of(request)
    price, problem = form.get("price", ""), ""
    try:
        with store.work() as work:
            here, subscription = _found(work, secret, identity)
            if here is None or subscription is None or not _offered(here, subscription, price):
                return not_found()
            release_schedule(work, subscription)
            asked = _asked(here, subscription, price, form.get("at", ""))
            changed = call_operation(
                work,
                "POST",
                f"/v1/subscriptions/{identity}",
                payment_behavior="pending_if_incomplete",
                **asked,
            )
            if changed["pending_update"] is None:
                return redirect_to(finished(here, "changed"))
            if url := _challenge(work, changed, f"{here.base}?changing={identity}"):
                return redirect_to(url)
            problem = "Your card was declined. Add another card, then change the plan again."
    except StripeError as refused:
        problem = refused.message
    with store.work() as work:
        here, subscription = _found(work, secret, identity)
        return (
            _preview(here, subscription, price, problem) if here and subscription else not_found()
        )


def _found(work: Work, secret: str, identity: str) -> tuple[Visit | None, Object | None]:
    here = visit(work, secret)
    if here is None or not here.features["subscription_update"]["enabled"]:
        return None, None
    return here, here.subscription(identity)


def _confirms(here: Visit, subscription: Object) -> Object | None:
    """Return the changed item, if the session is only for confirming one change."""
    flow = (here.session["flow"] or {}).get("subscription_update_confirm")
    if flow is None or flow["subscription"] != subscription["id"]:
        return None
    item: Object = flow["items"][0]
    return item


def _item(here: Visit, subscription: Object) -> Object:
    items: list[Object] = subscription["items"]["data"]
    wanted = _confirms(here, subscription)
    return next((item for item in items if wanted and item["id"] == wanted["id"]), items[0])


def _offered(here: Visit, subscription: Object, price: str) -> bool:
    if wanted := _confirms(here, subscription):
        return bool(wanted["price"] == price)
    current = _item(here, subscription)["price"]
    return price in {choice["id"] for choice in view.choices(here.work, here.features, current)} - {
        current["id"]
    }


def _asked(here: Visit, subscription: Object, price: str, at: str = "") -> dict[str, str]:
    """Return the form parameters that previews and updates share."""
    behavior = here.features["subscription_update"]["proration_behavior"]
    item = _item(here, subscription)["id"]
    asked = {"items[0][id]": item, "items[0][price]": price, "proration_behavior": behavior}
    if wanted := _confirms(here, subscription):
        asked["items[0][quantity]"] = str(wanted["quantity"])
    return asked | ({"proration_date": at} if at.isdigit() and behavior != "none" else {})


def _challenge(work: Work, subscription: Object, back: str) -> str:
    """Return the URL of 3-D Secure, if the change waits for it.

    The 3-D Secure page then leads back to the URL `back`.
    """
    invoice = work.get("invoice", subscription["latest_invoice"])
    intent = collection.intent_of(work, invoice)
    if intent["status"] != "requires_action":
        return ""
    intent["_return_url"] = back
    intent["next_action"] = payments.challenge(work, intent)
    work.put(intent)
    return str(intent["next_action"]["redirect_to_url"]["url"])


def _preview(here: Visit, subscription: Object, price: str, problem: str = "") -> Response:
    work, item, wanted = here.work, _item(here, subscription), _confirms(here, subscription)
    asked = _asked(here, subscription, price)
    details = {_nested(name): value for name, value in asked.items()}
    invoice = call_operation(
        work, "POST", "/v1/invoices/create_preview", subscription=subscription["id"], **details
    )
    now = asked["proration_behavior"] == "always_invoice" or invoice["period_end"] <= work.now
    return render_page(
        "portal_preview",
        base=here.base,
        back=here.back
        if wanted
        else (f"{here.base}/subscriptions/{subscription['id']}/change", "Choose another plan"),
        subscription=subscription["id"],
        problem=problem,
        old=view.format_plan(work, item["price"], item["quantity"]),
        new=view.format_plan(work, work.get("price", price), (wanted or item)["quantity"]),
        at=work.now,
        **_amounts(invoice, now=now),
    )


def _nested(name: str) -> str:
    """Return the name of a parameter in a preview.

    `items[0][id]` becomes `subscription_details[items][0][id]`.
    """
    head, _, tail = name.partition("[")
    return f"subscription_details[{head}]" + (f"[{tail}" if tail else "")


def _amounts(invoice: Object, *, now: bool) -> dict[str, Any]:
    currency = invoice["currency"]
    rows = [
        {"name": line["description"], "amount": format_money(line["amount"], currency)}
        for line in invoice["lines"]["data"]
    ]
    if now:
        due, about = "Due now", "It is charged to your default card."
    else:
        due, about = (
            f"On {format_date(invoice['next_payment_attempt'])}",
            "The change is part of your next invoice.",
        )
    return {
        "lines": rows,
        "due": due,
        "total": format_money(invoice["amount_due"], currency),
        "about": about,
    }
