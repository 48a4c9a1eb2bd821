"""Requests that change something at Stripe.

Callers store the Idempotency-Key first, so that each request can be repeated.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .calls import calling
from .errors import StripeRefused
from .reading import ATTEMPT, SCHEDULED, find_open_sessions, id_of, session_of, subscription_of
from .shapes import SeenLine, SeenPreview, SeenSession, SeenSubscription

if TYPE_CHECKING:
    import stripe

MARK = "liftoff_customer"  # the metadata key for the Idempotency-Key of the creation


@dataclass(frozen=True)
class Order:
    """The parameters of a Checkout session.

    The values come from `plans.toml` and from our settings, never from a client.
    """

    key: str
    customer_id: str
    price_id: str
    trial_days: int
    trial_needs_card: bool
    promotion_code: str | None
    success_url: str
    cancel_url: str


def create_customer(*, key: str, email: str) -> str:
    """Create a customer, and return its id. The same key returns the same customer."""
    with calling() as client:
        return client.v1.customers.create(
            {"email": email, "metadata": {MARK: key}}, {"idempotency_key": key}
        ).id


def find_customer(*, key: str, email: str) -> str | None:
    """Return the customer that was created with this key.

    This works even later than a day after the creation, when Stripe has forgotten the
    key.
    """
    with calling() as client:
        for found in client.v1.customers.list({"email": email, "limit": 100}).auto_paging_iter():
            if found.metadata and found.metadata.to_dict().get(MARK) == key:
                return found.id
    return None


def update_email(customer_id: str, email: str) -> None:
    with calling() as client:
        client.v1.customers.update(customer_id, {"email": email})


def delete_customer(customer_id: str) -> None:
    """Delete a customer with all personal data at Stripe, if the customer still exists.

    The customer's subscriptions end. The invoices stay.
    """
    try:
        with calling() as client:
            client.v1.customers.delete(customer_id)
    except StripeRefused as refusal:
        if not refusal.is_missing:
            raise


def find_promotion_code(code: str, customer_id: str) -> str | None:
    """Return Stripe's id of a promotion code that this customer can use now.

    Several customers can have different promotion codes with the same text.
    """
    with calling() as client:
        for found in client.v1.promotion_codes.list(
            {"code": code, "active": True, "limit": 100}
        ).auto_paging_iter():
            if id_of(found.customer) in (None, customer_id):
                return found.id
    return None


def create_session(order: Order) -> SeenSession:
    """Create a Checkout session. The same key returns the same session."""
    with calling() as client:
        return session_of(
            client.v1.checkout.sessions.create(_session(order), {"idempotency_key": order.key})
        )


def _session(order: Order) -> Any:
    subscription: dict[str, Any] = {"metadata": {ATTEMPT: order.key}}
    if order.trial_days:
        subscription["trial_period_days"] = order.trial_days
        if not order.trial_needs_card:
            subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
    cardless = bool(order.trial_days) and not order.trial_needs_card
    coupon = {"discounts": [{"promotion_code": order.promotion_code}]}
    return {
        "mode": "subscription",
        "customer": order.customer_id,
        "client_reference_id": order.key,
        "line_items": [{"price": order.price_id, "quantity": 1}],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "payment_method_collection": "if_required" if cardless else "always",
        "subscription_data": subscription,
        **(coupon if order.promotion_code else {"allow_promotion_codes": True}),
    }


def close_session(session_id: str) -> SeenSession:
    """Ensure that the session can no longer be paid.

    The returned status tells whether the session had already been completed.
    """
    import stripe  # imported here, because the import would slow down startup

    with calling() as client:
        sessions = client.v1.checkout.sessions
        found = session_of(sessions.retrieve(session_id))
        if found.status != "open":
            return found
        try:
            return session_of(sessions.expire(session_id))
        except stripe.StripeError:
            # Either the session was completed in the meantime, or the connection broke.
            # The current status tells which.
            now = session_of(sessions.retrieve(session_id))
            if now.status == "open":
                raise
            return now


def close_sessions(customer_id: str) -> None:
    """Close all open sessions of this customer, so that they can no longer be paid."""
    for session_id in find_open_sessions(customer_id):
        close_session(session_id)


def find_session(session_id: str) -> SeenSession:
    with calling() as client:
        return session_of(client.v1.checkout.sessions.retrieve(session_id))


def open_portal(customer_id: str, return_url: str) -> str:
    """Return the address of the Stripe page on which the customer manages the
    subscription.
    """
    with calling() as client:
        return client.v1.billing_portal.sessions.create(
            {"customer": customer_id, "return_url": return_url}
        ).url


def preview_change(subscription_id: str, item_id: str, price_id: str) -> SeenPreview:
    """Return the invoice that Stripe would create if the price changed now."""
    details: Any = {
        "items": [{"id": item_id, "price": price_id}],
        "proration_behavior": "always_invoice",
    }
    wanted: Any = {"subscription": subscription_id, "subscription_details": details}
    with calling() as client:
        return preview_of(client.v1.invoices.create_preview(wanted))


def preview_of(found: "stripe.Invoice") -> SeenPreview:
    parent = found.parent.subscription_details if found.parent else None
    stamp = (parent.subscription_proration_date if parent else None) or found.created
    lines = [
        SeenLine(line.description or "", line.amount, line.currency) for line in found.lines.data
    ]
    return SeenPreview(found.amount_due, found.currency, lines, datetime.fromtimestamp(stamp, UTC))


def change_price(
    subscription: tuple[str, str], price_id: str, *, proration_at: datetime, key: str
) -> SeenSubscription:
    """Change the price of a subscription's item, and charge the difference immediately.

    If the card owner has to confirm the payment, nothing changes until they pay at
    `pay_url`. Raises `PaymentFailed`.
    """
    subscription_id, item_id = subscription
    params: Any = {
        "items": [{"id": item_id, "price": price_id}],
        "proration_behavior": "always_invoice",
        "proration_date": int(proration_at.timestamp()),
        "payment_behavior": "pending_if_incomplete",
        "expand": ["latest_invoice"],
    }
    with calling() as client:
        return subscription_of(
            client.v1.subscriptions.update(subscription_id, params, {"idempotency_key": key})
        )


def cancel_at_period_end(subscription_id: str) -> SeenSubscription:
    with calling() as client:
        return subscription_of(
            client.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": True})
        )


def cancel_now(subscription_id: str) -> SeenSubscription:
    """End the subscription now. The rest of the period is neither charged nor refunded.

    It is safe to call this again.
    """
    import stripe  # imported here, because the import would slow down startup

    with calling() as client:
        try:
            ended = client.v1.subscriptions.cancel(
                subscription_id, {"invoice_now": False, "prorate": False}
            )
        except stripe.InvalidRequestError:
            # Stripe refuses to cancel a subscription that has already ended, for
            # example in an earlier call whose response was lost.
            ended = client.v1.subscriptions.retrieve(subscription_id)
            if ended.status != "canceled":
                raise
        return subscription_of(ended)


def resume_subscription(subscription_id: str) -> SeenSubscription:
    """Undo a scheduled cancellation and a pause of collection, if there are any.

    A cancellation is undone with the same parameter that requested it, because Stripe
    accepts only one of `cancel_at` and `cancel_at_period_end` per call. It is safe to
    call this again.
    """
    taken_back: dict[str, Any] = {}
    with calling() as client:
        found = client.v1.subscriptions.retrieve(subscription_id, {"expand": SCHEDULED})
        if found.cancel_at_period_end:
            taken_back["cancel_at_period_end"] = False
        elif found.cancel_at:
            taken_back["cancel_at"] = ""
        if found.pause_collection:
            taken_back["pause_collection"] = ""
        if taken_back:
            wanted: Any = taken_back | {"expand": SCHEDULED}
            found = client.v1.subscriptions.update(subscription_id, wanted)
        if found.status == "paused":
            found = client.v1.subscriptions.resume(
                subscription_id, {"billing_cycle_anchor": {"type": "now"}, "expand": SCHEDULED}
            )
        return subscription_of(found)


def end_and_refund(subscription_id: str, *, since: datetime | None = None) -> None:
    """End a subscription that should not exist, and refund its payments.

    With `since`, only payments made at that time or later are refunded. It is safe to
    call this again.
    """
    with calling() as client:
        found = client.v1.subscriptions.retrieve(subscription_id)
        if found.status != "canceled":
            client.v1.subscriptions.cancel(
                subscription_id, {"invoice_now": False, "prorate": False}
            )
        invoices: Any = {
            "subscription": subscription_id,
            "status": "paid",
            "limit": 100,
            "expand": ["data.payments"],
        }
        if since is not None:
            invoices["created"] = {"gte": int(since.timestamp())}
        for invoice in client.v1.invoices.list(invoices).auto_paging_iter():
            for payment in invoice.payments.data if invoice.payments else []:
                if intent := id_of(payment.payment.payment_intent):
                    _refund(client, intent)


def _refund(client: Any, intent: str) -> None:
    import stripe  # imported here, because the import would slow down startup

    params = {"payment_intent": intent, "reason": "duplicate"}
    try:
        client.v1.refunds.create(params, {"idempotency_key": f"duplicate-{intent}"})
    except stripe.InvalidRequestError as error:
        if error.code != "charge_already_refunded":
            raise
