"""The webhook endpoint at Stripe, to which Stripe sends events.

A command registers the endpoint, so that Stripe sends exactly the events that we
handle.
"""

from dataclasses import dataclass

from app.core.config import get_settings
from app.routers.payments import gateway
from app.routers.payments.gateway import API_VERSION, SeenEndpoint
from app.routers.payments.webhooks.event_types import HANDLED


@dataclass(frozen=True)
class Registration:
    """The result of a registration.

    `secret` is set only for a new endpoint, because Stripe shows it only once.
    """

    action: str
    url: str
    secret: str | None = None


def webhook_url() -> str:
    settings = get_settings()
    return f"{settings.public_url}{settings.api_prefix}/payments/webhook"


def endpoint_flaws(found: list[SeenEndpoint]) -> list[str]:
    """Return what is wrong with our webhook endpoint at Stripe, or an empty list."""
    ours = [endpoint for endpoint in found if endpoint.url == webhook_url() and endpoint.is_enabled]
    if not ours:
        return [f"Stripe has no enabled endpoint for {webhook_url()}"]
    wrong = []
    for endpoint in ours:
        if (
            missing := sorted(set(HANDLED) - set(endpoint.events))
            if "*" not in endpoint.events
            else []
        ):
            wrong.append(f"{endpoint.id} does not send {', '.join(missing)}")
        if endpoint.api_version not in (None, API_VERSION):
            wrong.append(
                f"{endpoint.id} uses API version {endpoint.api_version}, not {API_VERSION}"
            )
    return wrong


def register_endpoint() -> Registration:
    """Register our webhook endpoint for exactly the events that we handle.

    The events are sent in our API version. Raises any error of a call to Stripe.
    """
    for endpoint in gateway.list_endpoints():
        if endpoint.url != webhook_url():
            continue
        # An endpoint keeps the API version with which it was created.
        if endpoint.api_version != API_VERSION:
            gateway.delete_endpoint(endpoint.id)
            continue
        if set(endpoint.events) == set(HANDLED) and endpoint.is_enabled:
            return Registration("nothing to do", endpoint.url)
        gateway.update_endpoint(endpoint.id, HANDLED)
        return Registration("updated", endpoint.url)
    made = gateway.create_endpoint(webhook_url(), HANDLED, API_VERSION)
    return Registration("created", made.url, made.secret)
