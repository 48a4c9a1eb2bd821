"""Pages that show everything the simulator holds."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from simulator.billing import disputes
from simulator.objects import Object, public_object
from simulator.pages.rendering import (
    form_of,
    not_found,
    redirect_to,
    render_message,
    render_page,
    store_of,
)
from simulator.pages.words import format_moment
from simulator.protocol.errors import StripeError
from simulator.state.kinds import KINDS
from simulator.state.work import Work

router = APIRouter(prefix="/_simulator/objects")
SHOWN = 100
PAGES = {
    "checkout.session": ("url", "Open Checkout"),
    "billing_portal.session": ("url", "Open the portal"),
    "invoice": ("hosted_invoice_url", "Open the invoice"),
}


@router.get("/{kind}")
async def objects(request: Request, kind: str) -> Response:
    """Show the newest objects of one kind."""
    if kind not in kinds_shown():
        return not_found()
    with store_of(request).work() as work:
        ids = work.ids(kind)
        rows = [_row(work.get(kind, found)) for found in reversed(ids[-SHOWN:])]
    return render_page("objects", kind=kind, count=len(ids), rows=rows)


@router.get("/{kind}/{object_id}")
async def one_object(request: Request, kind: str, object_id: str) -> Response:
    with store_of(request).work() as work:
        found = work.find(kind, object_id) if kind in kinds_shown() else None
        if found is None:
            return not_found()
        return render_page(
            "object",
            title=object_id,
            back=f"/_simulator/objects/{kind}",
            back_text=kind,
            links=_links(found),
            actions=_actions(found),
            json=json.dumps({"id": object_id} | public_object(found), indent=2, ensure_ascii=False),
        )


@router.post("/charge/{identity}/dispute")
async def dispute(request: Request, identity: str) -> Response:
    """Open a dispute on behalf of the cardholder."""

    def act(work: Work) -> Object:
        charge = work.get("charge", identity)
        work.use_clock_of(work.find("customer", charge["customer"]))
        return disputes.open_dispute(work, charge, "fraudulent")

    return _done(request, act)


@router.post("/dispute/{identity}/close")
async def close(request: Request, identity: str) -> Response:
    """Decide a dispute on behalf of the bank."""
    won = (await form_of(request)).get("act") == "won"
    return _done(
        request,
        lambda work: disputes.close_dispute(work, disputes.find_dispute(work, identity), won=won),
    )


def _done(request: Request, act: Callable[[Work], Object]) -> Response:
    """Run the action, and show its result, or the reason why the action failed."""
    try:
        with store_of(request).work() as work:
            found = act(work)
            return redirect_to(f"/_simulator/objects/{found['object']}/{found['id']}")
    except StripeError as refused:
        link = {"link": "/_simulator", "link_text": "Control page"}
        return render_message(
            "That was not possible", refused.message, status=refused.status, **link
        )


def kinds_shown() -> list[str]:
    """Return Stripe's kinds of objects, without the simulator's own (`_…`)."""
    return [kind for kind in KINDS if not kind.startswith("_")]


def counts(work: Work) -> list[dict[str, Any]]:
    """Return the number of objects of each kind, without kinds that have no object."""
    found = ({"name": kind, "count": len(work.ids(kind))} for kind in kinds_shown())
    return [kind for kind in found if kind["count"]]


def _row(found: Object) -> dict[str, str]:
    created = found.get("created")
    return {
        "id": found["id"],
        "url": f"/_simulator/objects/{found['object']}/{found['id']}",
        "about": _about(found),
        "created": format_moment(created) if created else "",
    }


def _about(found: Object) -> str:
    """Return a text that identifies the object: up to three of its important fields."""
    if found.get("deleted"):
        return "deleted"
    names = (
        "type",
        "status",
        "name",
        "email",
        "number",
        "code",
        "nickname",
        "lookup_key",
        "customer",
        "url",
    )
    return " · ".join([str(found[name]) for name in names if found.get(name)][:3])


def _actions(found: Object) -> list[dict[str, str]]:
    """Return the actions of a cardholder or a bank. Stripe has no API for these."""
    url = f"/_simulator/objects/{found['object']}/{found['id']}"
    if found["object"] == "charge" and found.get("paid") and not found["disputed"]:
        return [{"url": f"{url}/dispute", "act": "dispute", "text": "Dispute it"}]
    if found["object"] == "dispute" and found["status"] not in disputes.DECIDED:
        texts = {"won": "The seller wins", "lost": "The cardholder wins"}
        return [{"url": f"{url}/close", "act": act, "text": text} for act, text in texts.items()]
    return []


def _links(found: Object) -> list[dict[str, str]]:
    field, text = PAGES.get(found["object"], ("", ""))
    links = [{"url": found[field], "text": text}] if field and found.get(field) else []
    for name, value in found.items():
        kind = {"latest_invoice": "invoice", "default_payment_method": "payment_method"}.get(
            name, name
        )
        if isinstance(value, str) and kind in KINDS and name != "object":
            links.append(
                {"url": f"/_simulator/objects/{kind}/{value}", "text": name.replace("_", " ")}
            )
    return links
