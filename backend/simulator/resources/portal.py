"""The configurations of the billing portal, and the sessions that open it."""

from typing import Any

from stripe.params.billing_portal import (
    ConfigurationCreateParams,
    ConfigurationListParams,
    ConfigurationRetrieveParams,
    ConfigurationUpdateParams,
    SessionCreateParams,
)

from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.lists import equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.protocol.urls import check_url
from simulator.resources import customers
from simulator.resources.portal_flows import read_flow
from simulator.shapes.portal import DEFAULT_FEATURES, new_configuration, new_session
from simulator.state.work import Work

URL = "/v1/billing_portal/configurations"
EVERYTHING: Object = {
    "customer_update": {"allowed_updates": ["email", "name"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end", "proration_behavior": "none"},
    "subscription_update": {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "proration_behavior": "always_invoice",
    },
}
"""The features of the default configuration, which always exists."""


@operation("POST /v1/billing_portal/sessions", SessionCreateParams)
def create_session(work: Work, params: Params) -> Object:
    customer = customers.named(work, params)
    named = params.get("configuration")
    configuration = (
        work.get("billing_portal.configuration", named, "configuration")
        if named
        else default_configuration(work)
    )
    if not configuration["active"]:
        raise StripeError("The portal configuration is not active.", param="configuration")
    secret = work.new_secret()
    session = new_session(
        work.new_id("billing_portal.session"),
        created=work.now,
        customer=customer["id"],
        configuration=configuration["id"],
        url=f"{work.store.base_url}/p/session/{secret}",
    )
    session |= {"return_url": configuration["default_return_url"], "_secret": secret}
    params.into(session, "return_url", "locale")
    session["flow"] = read_flow(work, params, customer, configuration["features"])
    if session["flow"]:
        session["url"] += "/flow"
    if session["return_url"]:
        check_url(session["return_url"], "return_url")
    work.put(session)
    work.emit("billing_portal.session.created", session)
    return session


def default_configuration(work: Work) -> Object:
    for configuration in work.all("billing_portal.configuration"):
        if configuration["is_default"]:
            return configuration
    made = new_configuration(work.new_id("billing_portal.configuration"), created=work.now)
    return work.put(made | {"is_default": True, "features": merged(DEFAULT_FEATURES, EVERYTHING)})


def merged(before: Object, sent: Object) -> Object:
    """Merge the hashes of a call into the stored hashes, and replace all other values.

    An empty list unsets a hash.
    """
    found = dict(before)
    for name, value in sent.items():
        known = before.get(name)
        found[name] = (
            merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
        )
    return found


@operation("POST /v1/billing_portal/configurations", ConfigurationCreateParams)
def create(work: Work, params: Params) -> Object:
    made = new_configuration(work.new_id("billing_portal.configuration"), created=work.now)
    _apply(work, made, params)
    work.put(made)
    work.emit("billing_portal.configuration.created", made)
    return made


@operation("POST /v1/billing_portal/configurations/{id}", ConfigurationUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    found = work.get("billing_portal.configuration", identity)
    params.into(found, "active")
    _apply(work, found, params)
    found["updated"] = work.now
    work.put(found)
    work.emit("billing_portal.configuration.updated", found)
    return found


def _apply(work: Work, configuration: Object, params: Params) -> None:
    params.into(configuration, "default_return_url", "name")
    params.merge_metadata(configuration)
    if profile := params.whole("business_profile"):
        configuration["business_profile"] = configuration["business_profile"] | profile
    if login := params.whole("login_page"):
        url = f"{work.store.base_url}/p/login" if login["enabled"] else None
        configuration["login_page"] = {"enabled": login["enabled"], "url": url}
    sent: dict[str, Any] = params.whole("features", {})
    features = merged(configuration["features"], sent)
    settings = features["subscription_update"]
    for name in ("products", "default_allowed_updates"):
        settings = settings | {name: settings[name] or []}
    settings = settings | {"products": [_product(one) for one in settings["products"]] or None}
    configuration["features"] = features | {"subscription_update": settings}


def _product(sent: Object) -> Object:
    quantity = {"enabled": False, "maximum": None, "minimum": 0} | sent.get(
        "adjustable_quantity", {}
    )
    return sent | {"adjustable_quantity": quantity}


@operation("GET /v1/billing_portal/configurations/{id}", ConfigurationRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("billing_portal.configuration", identity)


@operation("GET /v1/billing_portal/configurations", ConfigurationListParams)
def list_all(work: Work, params: Params) -> Object:
    default_configuration(work)
    return list_page(
        work,
        params,
        "billing_portal.configuration",
        URL,
        None,
        *equals(params, "active", "is_default"),
    )
