"""The first and the last page of a portal session for a single action."""

from fastapi import APIRouter, Request, Response

from simulator.pages.portal import DONE, Visit, visit
from simulator.pages.rendering import not_found, redirect_to, render_message, store_of

router = APIRouter(prefix="/p/session/{secret}")


@router.get("/flow")
async def begin(request: Request, secret: str) -> Response:
    """Show the page of the session's action, or a message if the action is done."""
    with store_of(request).work() as work:
        here = visit(work, secret)
        if here is None or not here.session["flow"]:
            return not_found()
        done = here.session.get("_flow_done")
        return (
            redirect_to(here.base + _first_page(here))
            if done is None
            else _confirmation(here, done)
        )


def _first_page(here: Visit) -> str:
    flow = here.session["flow"]
    match flow["type"]:
        case "payment_method_update":
            return "/cards"
        case "subscription_cancel":
            return f"/subscriptions/{flow['subscription_cancel']['subscription']}/cancel"
        case "subscription_update":
            return f"/subscriptions/{flow['subscription_update']['subscription']}/change"
    wanted = flow["subscription_update_confirm"]
    return f"/subscriptions/{wanted['subscription']}/preview?price={wanted['items'][0]['price']}"


def _confirmation(here: Visit, done: str) -> Response:
    told = here.session["flow"]["after_completion"]["hosted_confirmation"]
    if told is None:
        return redirect_to(f"{here.base}?done={done}")
    link = here.session["return_url"] or ""
    return render_message(DONE[done], told["custom_message"] or "", link=link, link_text="Return")
