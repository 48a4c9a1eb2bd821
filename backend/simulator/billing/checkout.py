"""The customer's steps on the Checkout page, up to `checkout.session.completed`."""

from dataclasses import dataclass
from typing import Any

from simulator.billing import collection, endings, payments, quotes, setups, subscriptions
from simulator.billing.card_details import check_cvc
from simulator.billing.checkout_endings import complete, require_open
from simulator.billing.customers import new_customer
from simulator.billing.payment_methods import attach, new_card
from simulator.billing.subscriptions import Order, Wanted
from simulator.durations import DAY
from simulator.objects import Object
from simulator.protocol.errors import card_error
from simulator.state.work import Work


@dataclass
class CardForm:
    """The values that the customer has typed on the page.

    `exp_year` has four digits. `number` is the text that was typed.
    """

    number: str
    exp_month: int
    exp_year: int
    cvc: str
    email: str | None = None
    name: str | None = None


def pay(
    work: Work, session: Object, form: CardForm | None, promotion_code: str | None = None
) -> Object:
    """Pay the session, after the customer has pressed the button.

    Afterwards the session is complete, or `next_step` returns the URL of 3-D Secure. If
    the bank declines the payment, a card error is raised, and the customer can submit
    the page again. `form` is `None` if no card is needed.
    """
    require_open(session)
    work.use_clock_of(work.find("customer", session["customer"]))
    wanted = quotes.quote(work, session, promotion_code)
    if form:
        session |= {"_email": session["customer_email"] or form.email, "_name": form.name}
    customer = _customer(work, session)
    payment_method = (
        _card_from(work, form)
        if form and quotes.wants_card(work, session, promotion_code)
        else None
    )
    match session["mode"]:
        case "setup":
            _save_card(work, session, payment_method, customer)
        case "payment":
            _pay_once(work, session, wanted, payment_method, customer)
        case _:
            _subscribe(work, session, wanted, payment_method, customer)
    return session


def next_step(work: Work, session: Object) -> str | None:
    """Return the URL of the 3-D Secure page that the session waits for."""
    waiting = session.get("_waiting")
    intent = work.any_of(waiting) if waiting else None
    action = intent["next_action"] if intent else None
    return action["redirect_to_url"]["url"] if action else None


def _customer(work: Work, session: Object) -> Object | None:
    """Return the session's customer, who is created if there is none yet.

    All attempts to pay the session share this customer.
    """
    if known := session["customer"] or session.get("_customer"):
        return _renamed(work, session, work.get("customer", known, "customer"))
    if session["mode"] == "payment" and session["customer_creation"] != "always":
        return None
    customer = new_customer(work) | {"email": session["_email"], "name": session["_name"]}
    work.put(customer)
    work.emit("customer.created", customer)
    session["_customer"] = customer["id"]
    return customer


def _renamed(work: Work, session: Object, customer: Object) -> Object:
    """Give the customer the typed name, if the page may update the customer."""
    chosen = session["_customer_update"].get("name", "never") if session["customer"] else "never"
    if chosen == "auto" and session["_name"] and session["_name"] != customer["name"]:
        customer["name"] = session["_name"]
        work.put(customer)
        work.emit("customer.updated", customer)
    return customer


def _card_from(work: Work, form: CardForm) -> Object:
    check_cvc(form.cvc)
    details = {"email": form.email, "name": form.name}
    return work.put(new_card(work, form.number, form.exp_month, form.exp_year, details))


def _subscribe(
    work: Work,
    session: Object,
    wanted: quotes.Quote,
    payment_method: Object | None,
    customer: Object | None,
) -> None:
    assert customer
    session["_chosen"] = [quotes.session_discounts(source) for source in wanted.sources]
    if payment_method and not wanted.due_today:
        _save_card(work, session, payment_method, customer)
        return
    subscription = _begun(work, session, wanted, customer)
    if payment_method is None or subscription["status"] != "incomplete":
        complete(work, session, None)
        return
    intent = collection.intent_of(work, work.get("invoice", subscription["latest_invoice"]))
    _charge(work, session, intent, payment_method)


def _begun(work: Work, session: Object, wanted: quotes.Quote, customer: Object) -> Object:
    """Return the subscription of the previous attempt, or a new subscription.

    A new subscription is needed if a different promotion code has changed the cost.
    """
    before = work.find("subscription", session.get("_subscription"))
    if before and before["status"] == "incomplete":
        if session.get("_begun_with") == session["_chosen"]:
            return before
        endings.expire(work, before)
    data = session["_subscription_data"]
    days = data.get("trial_period_days")
    fields = {
        name: data[name] for name in ("metadata", "description", "trial_settings") if data.get(name)
    }
    order = Order(
        customer,
        [Wanted(item["price"], item["quantity"]) for item in quotes.line_items(session)],
        payment_behavior="default_incomplete",
        trial_end=work.now + days * DAY if days else data.get("trial_end"),
        discounts=wanted.sources,
        fields=fields
        | ({"default_payment_method": session["_card"]} if session.get("_card") else {}),
    )
    subscription = subscriptions.start(work, order)
    session |= {"_subscription": subscription["id"], "_begun_with": session["_chosen"]}
    work.put(session)
    return subscription


def _charge(
    work: Work,
    session: Object,
    intent: Object,
    payment_method: Object,
    *,
    authenticated: bool = False,
) -> None:
    answer = payments.confirm(work, intent, payment_method, authenticated=authenticated)
    if answer.paid:
        _keep_card(work, session, payment_method)
    collection.settle(work, intent, answer)
    if answer.decline:
        raise card_error(
            answer.decline.message, answer.decline.code, decline_code=answer.decline.decline_code
        )
    if answer.paid:
        complete(work, session, intent)
    else:
        _wait(work, session, intent)


def _keep_card(work: Work, session: Object, payment_method: Object) -> None:
    """Attach the card to the customer, and make it the subscription's default."""
    customer = session["customer"] or session.get("_customer")
    if session["mode"] == "subscription" or session["_payment_intent_data"].get(
        "setup_future_usage"
    ):
        payment_method["_set_up"] = True
        attach(work, payment_method, work.get("customer", customer))
    if subscription := work.find("subscription", session.get("_subscription")):
        subscription["default_payment_method"] = payment_method["id"]
        work.put(subscription)


def _pay_once(
    work: Work,
    session: Object,
    wanted: quotes.Quote,
    payment_method: Object | None,
    customer: Object | None,
) -> None:
    session["_chosen"] = [quotes.session_discounts(source) for source in wanted.sources]
    if payment_method is None:
        complete(work, session, None)
        return
    data: dict[str, Any] = session["_payment_intent_data"]
    intent = work.find("payment_intent", session.get("_intent"))
    if intent is None or intent["amount"] != wanted.due_today:
        intent = payments.new_intent(
            work,
            amount=wanted.due_today,
            currency=session["currency"],
            customer=customer["id"] if customer else None,
            **data,
        )
        session["_intent"] = intent["id"]
    _charge(work, session, intent, payment_method)


def _save_card(
    work: Work, session: Object, payment_method: Object | None, customer: Object | None
) -> None:
    assert payment_method
    payer = customer["id"] if customer else None
    if session["mode"] == "setup":
        intent = work.get("setup_intent", session["setup_intent"]) | {"customer": payer}
    else:
        intent = setups.new_intent(work, customer=payer, **session["_setup_intent_data"])
    _set_up(work, session, intent, payment_method)


def _set_up(
    work: Work,
    session: Object,
    intent: Object,
    payment_method: Object,
    *,
    authenticated: bool = False,
) -> None:
    """Save a card for later use.

    This is needed for a trial, for a setup session, and if a discount leaves nothing to
    pay.
    """
    decline = setups.confirm(work, intent, payment_method, authenticated=authenticated)
    if decline:
        raise card_error(decline.message, decline.code, decline_code=decline.decline_code)
    if intent["status"] == "requires_action":
        _wait(work, session, intent)
        return
    session["_card"] = payment_method["id"]
    if session["mode"] == "subscription":
        wanted = quotes.Quote(
            0, 0, 0, 0, [quotes.source_of(work, one) for one in session["_chosen"]]
        )
        _begun(
            work, session, wanted, work.get("customer", session["customer"] or session["_customer"])
        )
        complete(work, session, None)
    else:
        complete(work, session, None)


def _wait(work: Work, session: Object, intent: Object) -> None:
    session["_waiting"] = intent["id"]
    work.put(session)


def resume(work: Work, session: Object, intent: Object) -> None:
    """Continue the payment after the customer has passed 3-D Secure.

    Raises a card error if the bank still declines the charge.
    """
    session["_waiting"] = None
    work.put(session)
    payment_method = work.get("payment_method", intent["payment_method"])
    if intent["object"] == "setup_intent":
        _set_up(work, session, intent, payment_method, authenticated=True)
    else:
        _charge(work, session, intent, payment_method, authenticated=True)
