"""Products, prices and webhook endpoints, which operators set up with our commands."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .calls import calling
from .errors import StripeRefused
from .reading import id_of
from .shapes import SeenAccount, SeenEndpoint, SeenPrice, SeenProduct

if TYPE_CHECKING:
    import stripe

KEYS_AT_ONCE = 10  # maximum number of lookup keys in one request to Stripe


def read_account() -> SeenAccount:
    """Return the Stripe account to which our key belongs."""
    with calling() as client:
        account = client.v1.accounts.retrieve_current()
        return SeenAccount(str(account.id), bool(account.charges_enabled))


def find_product(product_id: str) -> SeenProduct | None:
    try:
        with calling() as client:
            return _product(client.v1.products.retrieve(product_id))
    except StripeRefused as refusal:
        if refusal.is_missing:
            return None
        raise


def create_product(product_id: str, name: str, description: str) -> SeenProduct:
    params: Any = {
        "id": product_id,
        "name": name,
        **({"description": description} if description else {}),
    }
    with calling() as client:
        return _product(client.v1.products.create(params))


def update_product(product_id: str, name: str, description: str) -> SeenProduct:
    with calling() as client:
        params: Any = {"name": name, "description": description, "active": True}
        return _product(client.v1.products.update(product_id, params))


def find_prices(lookup_keys: list[str]) -> list[SeenPrice]:
    """Return the active prices with these lookup keys.

    Each key has at most one active price.
    """
    found = []
    with calling() as client:
        for start in range(0, len(lookup_keys), KEYS_AT_ONCE):
            keys = lookup_keys[start : start + KEYS_AT_ONCE]
            listed = client.v1.prices.list({"lookup_keys": keys, "active": True, "limit": 100})
            found += [_price(price) for price in listed.auto_paging_iter()]
    return found


def find_price(price_id: str) -> SeenPrice | None:
    try:
        with calling() as client:
            return _price(client.v1.prices.retrieve(price_id))
    except StripeRefused as refusal:
        if refusal.is_missing:
            return None
        raise


def create_price(
    product_id: str, lookup_key: str, *, currency: str, amount: int, interval: str
) -> SeenPrice:
    """Create a price.

    The lookup key moves from the previous price to the new one.
    """
    params: Any = {
        "product": product_id,
        "lookup_key": lookup_key,
        "transfer_lookup_key": True,
        "currency": currency,
        "unit_amount": amount,
        "recurring": {"interval": interval},
    }
    with calling() as client:
        return _price(client.v1.prices.create(params))


def archive_price(price_id: str) -> None:
    """Archive a price. It is no longer sold, but existing subscribers keep it."""
    with calling() as client:
        client.v1.prices.update(price_id, {"active": False})


def list_endpoints() -> list[SeenEndpoint]:
    with calling() as client:
        return [
            _endpoint(found)
            for found in client.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()
        ]


def create_endpoint(url: str, events: Iterable[str], api_version: str) -> SeenEndpoint:
    params: Any = {"url": url, "enabled_events": sorted(events), "api_version": api_version}
    with calling() as client:
        return _endpoint(client.v1.webhook_endpoints.create(params))


def update_endpoint(endpoint_id: str, events: Iterable[str]) -> SeenEndpoint:
    params: Any = {"enabled_events": sorted(events), "disabled": False}
    with calling() as client:
        return _endpoint(client.v1.webhook_endpoints.update(endpoint_id, params))


def delete_endpoint(endpoint_id: str) -> None:
    with calling() as client:
        client.v1.webhook_endpoints.delete(endpoint_id)


def _product(found: "stripe.Product") -> SeenProduct:
    return SeenProduct(found.id, found.name, found.description or "", found.active)


def _price(found: "stripe.Price") -> SeenPrice:
    return SeenPrice(
        id=found.id,
        product_id=id_of(found.product) or "",
        lookup_key=found.lookup_key or "",
        currency=found.currency,
        amount=found.unit_amount or 0,
        interval=str(found.recurring.interval) if found.recurring else "",
        is_active=found.active,
    )


def _endpoint(found: "stripe.WebhookEndpoint") -> SeenEndpoint:
    secret = getattr(found, "secret", None)
    return SeenEndpoint(
        found.id,
        found.url,
        list(found.enabled_events),
        found.api_version,
        found.status == "enabled",
        secret,
    )
