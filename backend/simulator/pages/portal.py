"""The billing portal: a customer's subscriptions, cards and invoices.

The configuration of the portal decides what the customer can do.
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from simulator.billing import subscription_timers
from simulator.billing.payments import NOT_AUTHENTICATED
from simulator.objects import Object
from simulator.pages import portal_view as view
from simulator.pages.calls import call_operation, release_schedule
from simulator.pages.rendering import form_of, not_found, redirect_to, render_page, store_of
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

router = APIRouter(prefix="/p/session/{secret}")

DONE = {
    "changed": "Your plan is changed.",
    "cancelled": "Your subscription is cancelled.",
    "kept": "Your subscription goes on.",
    "card": "Your card is saved.",
    "default": "This card pays from now on.",
    "removed": "The card is removed.",
}
FLOW_ENDS = {
    "cancelled": {"subscription_cancel"},
    "card": {"payment_method_update"},
    "changed": {"subscription_update", "subscription_update_confirm"},
}
"""The types of flows that each action ends."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit to the portal, with the URL of a portal session.

    `features` are the features that the configuration allows.
    """

    work: Work
    base: str
    session: Object
    customer: Object
    features: Object

    @property
    def back(self) -> tuple[str, str]:
        """Return the URL of a page's back link, and the link's label.

        A visitor who was sent to a single page goes back to the seller.
        """
        away = self.session["return_url"] if self.session["flow"] else None
        return (away, "Return") if away else (self.base, "Billing")

    def subscription(self, identity: str) -> Object | None:
        """Return one of the customer's subscriptions that has not ended."""
        found = self.work.find("subscription", identity)
        theirs = found is not None and found["customer"] == self.customer["id"]
        return found if theirs and found and found["status"] not in view.ENDED else None

    def card(self, identity: str) -> Object | None:
        found = self.work.find("payment_method", identity)
        return found if found and found["customer"] == self.customer["id"] else None


def visit(work: Work, secret: str) -> Visit | None:
    session = work.first("billing_portal.session", _secret=secret)
    customer = work.find("customer", session["customer"]) if session else None
    if session is None or customer is None or customer.get("deleted"):
        return None
    work.use_clock_of(customer)
    configuration = work.get("billing_portal.configuration", session["configuration"])
    base = f"{work.store.base_url}/p/session/{secret}"
    return Visit(work, base, session, customer, configuration["features"])


@router.get("")
async def show(request: Request, secret: str, done: str = "", changing: str = "") -> Response:
    """Show the overview.

    `changing` is the id of a subscription whose change of plan waited for 3-D Secure.
    The 3-D Secure page leads back to this page.
    """
    with store_of(request).work() as work:
        here = visit(work, secret)
        if here is None:
            return not_found()
        subscription = here.subscription(changing)
        if subscription and subscription["pending_update"]:
            return overview(
                here, problem=f"Your plan has not been changed. {NOT_AUTHENTICATED.message}"
            )
        if subscription and here.session["flow"]:
            return redirect_to(finished(here, "changed"))
        return overview(here, notice=DONE.get("changed" if subscription else done, ""))


def finished(here: Visit, done: str) -> str:
    """Return the URL to go to after this action, which is one of `DONE`.

    If the session is a flow for this action, the URL is the end of the flow. Otherwise
    the URL is the overview.
    """
    flow = here.session["flow"]
    if flow is None or flow["type"] not in FLOW_ENDS.get(done, ()):
        return f"{here.base}?done={done}"
    here.session["_flow_done"] = done
    here.work.put(here.session)
    redirect = flow["after_completion"]["redirect"]
    return str(redirect["return_url"]) if redirect else f"{here.base}/flow"


def overview(here: Visit, *, notice: str = "", problem: str = "") -> Response:
    configuration = here.work.get("billing_portal.configuration", here.session["configuration"])
    customer, features = here.customer, here.features
    return render_page(
        "portal",
        base=here.base,
        return_url=here.session["return_url"],
        headline=configuration["business_profile"]["headline"],
        notice=notice,
        problem=problem,
        subscriptions=view.subscriptions(here.work, customer["id"], features),
        cards=list(view.cards(here.work, customer)),
        can_update_card=features["payment_method_update"]["enabled"],
        show_invoices=features["invoice_history"]["enabled"],
        invoices=list(view.invoices(here.work, customer["id"])),
    )


@router.get("/subscriptions/{identity}/cancel")
async def ask_to_cancel(request: Request, secret: str, identity: str) -> Response:
    with store_of(request).work() as work:
        here = visit(work, secret)
        subscription = here.subscription(identity) if here else None
        if (
            here is None
            or subscription is None
            or not here.features["subscription_cancel"]["enabled"]
        ):
            return not_found()
        return render_page(
            "portal_cancel",
            back=here.back,
            about=view.about_cancelling(subscription, here.features),
            reasons=view.reasons(here.features),
        )


@router.post("/subscriptions/{identity}/cancel")
async def cancel(request: Request, secret: str, identity: str) -> Response:
    form = await form_of(request)
    with store_of(request).work() as work:
        here = visit(work, secret)
        subscription = here.subscription(identity) if here else None
        if (
            here is None
            or subscription is None
            or not here.features["subscription_cancel"]["enabled"]
        ):
            return not_found()
        reasons = dict(view.reasons(here.features))
        release_schedule(work, subscription)
        feedback = (
            {"cancellation_details[feedback]": form["feedback"]}
            if form.get("feedback") in reasons
            else {}
        )
        if here.features["subscription_cancel"]["mode"] == "at_period_end":
            # In flexible billing, Stripe's portal sets `cancel_at` and leaves
            # `cancel_at_period_end` unset.
            end = str(subscription_timers.period_of(subscription)[1])
            call_operation(work, "POST", f"/v1/subscriptions/{identity}", cancel_at=end, **feedback)
        else:
            prorates = here.features["subscription_cancel"]["proration_behavior"] != "none"
            flags = {"prorate": "true", "invoice_now": "true"} if prorates else {}
            call_operation(work, "DELETE", f"/v1/subscriptions/{identity}", **flags, **feedback)
        return redirect_to(finished(here, "cancelled"))


@router.post("/subscriptions/{identity}/resume")
async def resume(request: Request, secret: str, identity: str) -> Response:
    """Withdraw a cancellation that has not taken effect yet."""
    with store_of(request).work() as work:
        here = visit(work, secret)
        subscription = here.subscription(identity) if here else None
        if (
            here is None
            or subscription is None
            or not here.features["subscription_cancel"]["enabled"]
        ):
            return not_found()
        release_schedule(work, subscription)
        taken_back = (
            {"cancel_at_period_end": "false"}
            if subscription["cancel_at_period_end"]
            else {"cancel_at": ""}
        )
        call_operation(work, "POST", f"/v1/subscriptions/{identity}", **taken_back)
        return redirect_to(f"{here.base}?done=kept")


@router.post("/cards/{identity}/default")
async def make_default(request: Request, secret: str, identity: str) -> Response:
    with store_of(request).work() as work:
        here = visit(work, secret)
        if (
            here is None
            or not here.card(identity)
            or not here.features["payment_method_update"]["enabled"]
        ):
            return not_found()
        pay_with(here, identity)
        return redirect_to(f"{here.base}?done=default")


@router.post("/cards/{identity}/remove")
async def remove(request: Request, secret: str, identity: str) -> Response:
    store = store_of(request)
    try:
        with store.work() as work:
            here = visit(work, secret)
            if (
                here is None
                or not here.card(identity)
                or not here.features["payment_method_update"]["enabled"]
            ):
                return not_found()
            call_operation(work, "POST", f"/v1/payment_methods/{identity}/detach")
            return redirect_to(f"{here.base}?done=removed")
    except StripeError as refused:
        with store.work() as work:
            here = visit(work, secret)
            return overview(here, problem=refused.message) if here else not_found()


def pay_with(here: Visit, card: str) -> None:
    """Make the card the customer's default.

    The new card also replaces the card of each subscription that has its own.
    """
    customer = f"/v1/customers/{here.customer['id']}"
    call_operation(
        here.work, "POST", customer, **{"invoice_settings[default_payment_method]": card}
    )
    for subscription in list(here.work.all("subscription", customer=here.customer["id"])):
        if subscription["default_payment_method"] and subscription["status"] not in view.ENDED:
            call_operation(
                here.work,
                "POST",
                f"/v1/subscriptions/{subscription['id']}",
                default_payment_method=card,
            )
