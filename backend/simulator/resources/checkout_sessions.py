"""Checkout sessions: created, updated, expired and listed."""

from typing import Any

from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionListLineItemsParams,
    SessionListParams,
    SessionRetrieveParams,
    SessionUpdateParams,
)

from simulator.billing import checkout_endings, coupons, quotes, setups, subscriptions
from simulator.billing.catalog import active_price, cost, product_name
from simulator.billing.products import new_product
from simulator.durations import DAY, MINUTE
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.protocol.expansion import includable
from simulator.protocol.lists import list_page, page_of
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources.checkout_checks import check_session, check_total, refuse_unsupported
from simulator.resources.prices import new_price
from simulator.shapes.checkout import expected_customer, line_items_of, new_line_item, new_session
from simulator.state.work import Work

URL = "/v1/checkout/sessions"
SHORTEST, LONGEST = 30 * MINUTE, DAY
PLAIN = (
    "allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id",
    "customer_email", "locale", "payment_method_collection", "saved_payment_method_options",
    "submit_type", "success_url",
)  # fmt: skip


@operation("POST /v1/checkout/sessions", SessionCreateParams)
def create(work: Work, params: Params) -> Object:
    refuse_unsupported(params)
    customer = (
        work.get("customer", params["customer"], "customer") if params.get("customer") else None
    )
    work.use_clock_of(customer)
    mode = params.get("mode", "payment")
    session = new_session(
        work.new_id("checkout.session"),
        created=work.now,
        expires_at=_expiry(params, work.now),
        mode=mode,
        url=work.store.base_url,
    )
    params.into(session, *PLAIN)
    params.merge_metadata(session)
    session |= {
        "customer": customer["id"] if customer else None,
        "customer_creation": None if customer else _customer_creation(params, mode),
        **_data(params, mode),
        **_customer_known(params, customer),
        "_customer_update": _customer_update(params, customer),
    }
    if email := session["_email"]:
        session["customer_details"] = expected_customer(mode, email)
    items = _items(work, params, session)
    session |= {
        "_line_items": items,
        "currency": items[0]["currency"] if items else params.get("currency"),
    }
    check_session(session, params)
    if customer and mode == "subscription":
        subscriptions.check_currency(work, customer, session["currency"], "line_items")
    _with_amounts(work, params, session)
    work.set_timer("checkout.expire", session["id"], session["expires_at"])
    if mode == "setup":
        session["setup_intent"] = setups.new_intent(
            work, customer=session["customer"], **session["_setup_intent_data"]
        )["id"]
    return work.put(session)


def _with_amounts(work: Work, params: Params, session: Object) -> None:
    """Store the amounts after discounts in the session."""
    sources = coupons.named_discounts(work, params.get("discounts") or [], session["customer"])
    for source in sources:
        coupons.check_currency(work, source, session["currency"] or "usd")
    quotes.with_amounts(work, session, sources)
    check_total(session)


def _expiry(params: Params, now: int) -> int:
    at: int = params.get("expires_at", now + LONGEST)
    if not now + SHORTEST <= at <= now + LONGEST:
        raise StripeError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
            "Session creation.",
            param="expires_at",
        )
    return at


def _customer_creation(params: Params, mode: str) -> str:
    chosen: str = params.get("customer_creation", "if_required" if mode == "payment" else "always")
    return chosen


def _customer_known(params: Params, customer: Object | None) -> Object:
    if customer and "customer_email" in params:
        raise StripeError("You may only specify one of these parameters: customer, customer_email.")
    email = customer["email"] if customer else params.get("customer_email")
    return {"_customer": None, "_email": email, "_name": customer["name"] if customer else None}


def _customer_update(params: Params, customer: Object | None) -> Object:
    """Return which of the customer's details the page may change.

    The page asks for a name, but not for an address.
    """
    if "customer_update" in params and customer is None:
        raise StripeError(
            "`customer_update` can only be used with `customer`.", param="customer_update"
        )
    wanted: Object = params.whole("customer_update", {})
    return wanted


def _data(params: Params, mode: str) -> Object:
    """Return the data for the objects that the session will create."""
    names = {
        "subscription": "subscription_data",
        "payment": "payment_intent_data",
        "setup": "setup_intent_data",
    }
    others = (name for kind, name in names.items() if kind != mode)
    if wrong := next((name for name in others if name in params), None):
        raise StripeError(f"You can not pass `{wrong}` in `{mode}` mode.", param=wrong)
    data: Object = {f"_{name}": {} for name in names.values()}
    known = {
        "subscription": (
            "metadata", "description", "trial_period_days", "trial_end", "trial_settings",
        ),
        "payment": (
            "metadata", "description", "receipt_email", "setup_future_usage",
            "statement_descriptor",
        ),
        "setup": ("metadata", "description"),
    }  # fmt: skip
    if sent := params.get(names[mode]):
        sent.into(data[f"_{names[mode]}"], *known[mode])
        if settings := data[f"_{names[mode]}"].get("trial_settings"):
            settings["end_behavior"] = {"billing_cycle_anchor": None, **settings["end_behavior"]}
    return data


def _items(work: Work, params: Params, session: Object) -> list[Object]:
    found = []
    for sent in params.get("line_items") or []:
        price, quantity = _price(work, sent), sent.get("quantity", 1)
        if quantity < 1:
            raise StripeError(
                "This value must be greater than or equal to 1.",
                code="parameter_invalid_integer",
                param=sent.path("quantity"),
            )
        found.append(_item(work, session, price, quantity))
    return found


def _price(work: Work, sent: Params) -> Object:
    if "price_data" not in sent:
        if "price" not in sent:
            raise StripeError(
                "You must pass `price` or `price_data`.",
                code="parameter_missing",
                param=sent.path("price"),
            )
        return active_price(work, sent["price"], sent.path("price"))
    data = sent["price_data"]
    if "product_data" in data:
        return new_price(work, data, new_product(work, data["product_data"], None))
    return new_price(work, data, work.get("product", data["product"], data.path("product")))


def _item(work: Work, session: Object, price: Object, quantity: int) -> Object:
    whole = cost(price, quantity)
    trial = price["recurring"] and quotes.has_trial(session)
    return new_line_item(
        work.store.ids.new("li"),
        price=price,
        description=product_name(work, price),
        quantity=quantity,
        amounts=(0 if trial else whole, 0),
    )


@operation("GET /v1/checkout/sessions/{id}", SessionRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("checkout.session", identity)


@operation("POST /v1/checkout/sessions/{id}", SessionUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    session = work.get("checkout.session", identity)
    params.merge_metadata(session)
    return work.put(session)


@operation("POST /v1/checkout/sessions/{id}/expire", SessionExpireParams)
def expire(work: Work, _: Params, identity: str) -> Object:
    session = work.get("checkout.session", identity)
    work.use_clock_of(work.find("customer", session["customer"]))
    if session["status"] != "open":
        raise StripeError(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
    return checkout_endings.expire(work, session)


@operation("GET /v1/checkout/sessions", SessionListParams)
def list_all(work: Work, params: Params) -> Object:
    names = ("customer", "subscription", "payment_intent", "status")
    where = {name: params[name] for name in names if name in params}
    email: str | None = params.whole("customer_details", {}).get("email")
    return list_page(
        work,
        params,
        "checkout.session",
        URL,
        where,
        lambda one: email is None or _email(one) == email,
    )


def _email(session: Object) -> Any:
    return (session["customer_details"] or {}).get("email")


@operation("GET /v1/checkout/sessions/{id}/line_items", SessionListLineItemsParams)
def list_line_items(work: Work, params: Params, identity: str) -> Object:
    items = quotes.line_items(work.get("checkout.session", identity))
    return page_of(params, "item", f"{URL}/{identity}/line_items", items)


@includable("checkout.session", "total_details.breakdown")
def breakdown(work: Work, session: Object) -> Object:
    """Return the reduction by each discount.

    Single discounts are known only once the session has an invoice.
    """
    invoice = work.find("invoice", session["invoice"])
    if session["total_details"]["amount_discount"] and invoice is None:
        raise unsupported_feature(
            "expand", "The simulator lists single discounts only once they are invoiced."
        )
    taken = invoice["total_discount_amounts"] if invoice else []
    discounts = [one | {"discount": work.get("discount", one["discount"])} for one in taken]
    return {"discounts": discounts, "taxes": []}


@includable("item", "discounts")
def discounts_of_line(_: Work, item: Object) -> list[Object]:
    if item["amount_discount"]:
        raise unsupported_feature(
            "expand", "The simulator does not list the single discounts of a line."
        )
    return []


@includable("item", "taxes")
def taxes_of_line(_: Work, __: Object) -> list[Object]:
    return []


@includable("checkout.session", "line_items")
def line_items(_: Work, session: Object) -> Object:
    return line_items_of(session["id"], quotes.line_items(session))
