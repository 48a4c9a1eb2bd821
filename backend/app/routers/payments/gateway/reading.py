"""Functions that read Stripe's objects and convert them into our types."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .calls import calling
from .errors import StripeRefused
from .shapes import SeenDiscount, SeenInvoice, SeenPayer, SeenSession, SeenSubscription

if TYPE_CHECKING:
    import stripe

PAGE = 100
EXPANDED = ["data.latest_invoice", "data.discounts.source.coupon", "data.schedule"]
SCHEDULED = ["schedule"]
# the key in a subscription's metadata that holds the checkout attempt which created it
ATTEMPT = "liftoff_attempt"


class Unknown:
    """The payer was not read, so we do not know whether the payer has a card."""


UNKNOWN = Unknown()


def read_payer(customer_id: str, session_id: str | None = None) -> SeenPayer:
    """Read everything about a payer, and the Checkout session with this id, if one is
    given.
    """
    with calling() as client:
        api = client.v1
        customer: Any = api.customers.retrieve(customer_id)
        gone = bool(getattr(customer, "deleted", False))
        default_card = None if gone else _default_card(customer)
        of_customer: Any = {"customer": customer_id, "limit": PAGE}
        listed = api.subscriptions.list(of_customer | {"status": "all", "expand": EXPANDED})
        subscriptions = [
            subscription_of(found, default_card) for found in listed.auto_paging_iter()
        ]
        invoices = _invoices(client, of_customer)
        session = session_of(api.checkout.sessions.retrieve(session_id)) if session_id else None
        email = "" if gone else customer.email or ""
        clock = None if gone else id_of(customer.test_clock)
        return SeenPayer(customer_id, email, gone, subscriptions, invoices, session, clock)


def _default_card(customer: Any) -> str | None:
    settings = getattr(customer, "invoice_settings", None)
    return id_of(settings and settings.default_payment_method) or id_of(
        getattr(customer, "default_source", None)
    )


def subscription_of(
    found: "stripe.Subscription", default_card: str | Unknown | None = UNKNOWN
) -> SeenSubscription:
    """Convert a subscription into our type.

    All of our subscriptions have one item. If a subscription has several items, the
    first is used.
    """
    item = found["items"].data[0]
    pending, pause, trial = found.pending_update, found.pause_collection, found.trial_settings
    invoice: Any = found.latest_invoice
    own_card = bool(found.default_payment_method or found.default_source)
    ends_at = found.cancel_at or (item.current_period_end if found.cancel_at_period_end else None)
    next_phase = _next_phase(found)
    return SeenSubscription(
        id=found.id,
        item_id=item.id,
        price_id=item.price.id,
        status=str(found.status),
        started_at=_moment(found.start_date),
        current_period_start=_moment(item.current_period_start),
        current_period_end=_moment(item.current_period_end),
        trial_start=_maybe(found.trial_start),
        trial_end=_maybe(found.trial_end),
        cancel_at_period_end=found.cancel_at_period_end or ends_at == item.current_period_end,
        cancel_at=_maybe(ends_at),
        canceled_at=_maybe(found.canceled_at),
        ended_at=_maybe(found.ended_at),
        has_payment_method=own_card
        or (None if isinstance(default_card, Unknown) else bool(default_card)),
        pause_behavior=str(pause.behavior) if pause else None,
        pause_until=_maybe(pause.resumes_at) if pause else None,
        pending_update_until=_maybe(pending.expires_at) if pending else None,
        trial_without_card=str(trial.end_behavior.missing_payment_method) if trial else None,
        days_until_due=found.days_until_due,
        discounts=_discounts(found.discounts),
        schedule_id=None if found.ended_at else id_of(found.schedule),
        scheduled_price_id=id_of(next_phase["items"][0].price) if next_phase else None,
        scheduled_at=_moment(next_phase.start_date) if next_phase else None,
        attempt=found.metadata.to_dict().get(ATTEMPT),
        pay_url=getattr(invoice, "hosted_invoice_url", None) if pending else None,
    )


def _next_phase(found: "stripe.Subscription") -> Any:
    """Return the schedule's next phase that has a different price.

    The result is `None` if there is no such phase, or if the schedule was not expanded.
    """
    schedule: Any = found.schedule
    if found.ended_at or not schedule or isinstance(schedule, str) or not schedule.current_phase:
        return None
    price = found["items"].data[0].price.id
    to_come = [one for one in schedule.phases if one.start_date >= schedule.current_phase.end_date]
    return next((one for one in to_come if id_of(one["items"][0].price) != price), None)


def _discounts(found: list[Any] | None) -> list[SeenDiscount] | None:
    """Return the discounts, or `None` if Stripe sent only their ids.

    Stripe sends only ids unless the request expands them.
    """
    if any(isinstance(one, str) or isinstance(one.source.coupon, str) for one in found or []):
        return None
    return [
        SeenDiscount(
            coupon=one.source.coupon.id,
            percent_off=one.source.coupon.percent_off,
            amount_off=one.source.coupon.amount_off,
            ends_at=None if one.end is None else _moment(one.end).isoformat(),
        )
        for one in found or []
        if one.source.coupon
    ]


def session_of(found: "stripe.checkout.Session") -> SeenSession:
    return SeenSession(found.id, str(found.status), found.url)


def _invoices(client: "stripe.StripeClient", of_customer: Any) -> list[SeenInvoice]:
    """Return the invoices with their refunds and disputes.

    Stripe attaches refunds and disputes to charges, and charges to payment intents.
    """
    api = client.v1
    charges: dict[str | None, list[stripe.Charge]] = {}
    for charge in api.charges.list(of_customer).auto_paging_iter():
        charges.setdefault(id_of(charge.payment_intent), []).append(charge)
    found = []
    for invoice in api.invoices.list(
        of_customer | {"expand": ["data.payments"]}
    ).auto_paging_iter():
        intents = list(_intents(invoice))
        mine = [charge for intent in intents for charge in charges.get(intent, [])]
        disputed = [charge.id for charge in mine if charge.disputed]
        dispute = (
            api.disputes.list({"charge": disputed[0], "limit": 1}).data[0].status
            if disputed
            else None
        )
        unpaid = invoice.status == "open" and invoice.attempt_count > 0
        states = (
            [api.payment_intents.retrieve(intent).status for intent in intents] if unpaid else []
        )
        refunded = sum(charge.amount_refunded for charge in mine)
        found.append(_invoice(invoice, refunded, dispute, needs_action="requires_action" in states))
    return found


def _intents(invoice: "stripe.Invoice") -> Iterable[str]:
    for payment in invoice.payments.data if invoice.payments else []:
        if intent := id_of(payment.payment.payment_intent):
            yield intent


def _invoice(
    invoice: "stripe.Invoice", refunded: int, dispute: str | None, *, needs_action: bool
) -> SeenInvoice:
    details = invoice.parent.subscription_details if invoice.parent else None
    return SeenInvoice(
        id=invoice.id,
        subscription_id=id_of(details and details.subscription),
        number=invoice.number,
        status=str(invoice.status),
        currency=invoice.currency,
        amount_due=invoice.amount_due,
        amount_paid=invoice.amount_paid,
        amount_refunded=refunded,
        dispute=dispute,
        attempts=invoice.attempt_count,
        needs_action=needs_action,
        reason=str(invoice.billing_reason) if invoice.billing_reason else None,
        hosted_invoice_url=invoice.hosted_invoice_url,
        invoice_pdf=invoice.invoice_pdf,
        created_at=_moment(invoice.created),
        finalized_at=_maybe(invoice.status_transitions.finalized_at),
        paid_at=_maybe(invoice.status_transitions.paid_at),
        next_attempt_at=_maybe(invoice.next_payment_attempt),
    )


def payer_of_charge(*, charge: str | None, payment_intent: str | None) -> str | None:
    """Return the customer of a charge, or `None`.

    Refunds and disputes do not name their customer directly.
    """
    try:
        with calling() as client:
            if charge:
                return id_of(client.v1.charges.retrieve(charge).customer)
            return (
                id_of(client.v1.payment_intents.retrieve(payment_intent).customer)
                if payment_intent
                else None
            )
    except StripeRefused as refusal:
        if refusal.is_missing:
            return None
        raise


def find_live(customer_id: str) -> list[str]:
    """Return a customer's subscriptions that have begun and have not ended.

    The list is empty for an unknown customer.
    """
    try:
        with calling() as client:
            listed = client.v1.subscriptions.list({"customer": customer_id, "limit": PAGE}).data
            return [found.id for found in listed if not found.status.startswith("incomplete")]
    except StripeRefused as refusal:
        if refusal.is_missing:
            return []
        raise


def find_open_sessions(customer_id: str) -> list[str]:
    """Return a customer's Checkout sessions that can still be paid.

    The list is empty for an unknown customer.
    """
    wanted: Any = {"customer": customer_id, "status": "open", "limit": PAGE}
    try:
        with calling() as client:
            return [
                found.id for found in client.v1.checkout.sessions.list(wanted).auto_paging_iter()
            ]
    except StripeRefused as refusal:
        if refusal.is_missing:
            return []
        raise


def find_sold() -> dict[str, str]:
    """Return the active subscriptions that came from our checkouts, each with its
    customer.
    """
    sold: dict[str, str] = {}
    params: Any = {"limit": PAGE}
    while True:
        # There may be very many pages, so each page is a separate call with its own
        # time limit.
        with calling() as client:
            page = client.v1.subscriptions.list(params)
        sold |= {
            one.id: id_of(one.customer) or ""
            for one in page.data
            if ATTEMPT in one.metadata.to_dict()
        }
        if not page.has_more:
            return sold
        params["starting_after"] = page.data[-1].id


def id_of(reference: Any) -> str | None:
    """Return the id of an object that Stripe sends either whole or as an id."""
    return reference if isinstance(reference, str) or reference is None else str(reference.id)


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def _maybe(stamp: int | None) -> datetime | None:
    return None if stamp is None else _moment(stamp)
