"""Where Stripe sends events: registered by us, so that the list of events there is the list of those handled here."""

from dataclasses import dataclass

from app.core.config import get_settings

from . import gateway
from .events import HANDLED
from .gateway import API_VERSION, SeenEndpoint


@dataclass(frozen=True)
class Registration:
    """What came of it. `secret` is there for a new endpoint only: Stripe shows it this once."""

    action: str
    url: str
    secret: str | None = None


def webhook_url() -> str:
    settings = get_settings()
    return f"{settings.public_url}{settings.api_prefix}/payments/webhook"


def flaws(found: list[SeenEndpoint]) -> list[str]:
    """In what Stripe's registration is not what it should be; nothing where it is right."""
    ours = [endpoint for endpoint in found if endpoint.url == webhook_url() and endpoint.is_enabled]
    if not ours:
        return [f"no enabled endpoint at Stripe leads to {webhook_url()}"]
    wrong = []
    for endpoint in ours:
        if missing := sorted(set(HANDLED) - set(endpoint.events)) if "*" not in endpoint.events else []:
            wrong.append(f"{endpoint.id} does not send {', '.join(missing)}")
        if endpoint.api_version not in (None, API_VERSION):
            wrong.append(f"{endpoint.id} speaks {endpoint.api_version}, not {API_VERSION}")
    return wrong


def register() -> Registration:
    """Make Stripe send just what is handled, to us, in our version. Raises what asking Stripe raises."""
    for endpoint in gateway.list_endpoints():
        if endpoint.url != webhook_url():
            continue
        if endpoint.api_version != API_VERSION:  # an endpoint keeps the version that it was made with
            gateway.delete_endpoint(endpoint.id)
            continue
        if set(endpoint.events) == set(HANDLED) and endpoint.is_enabled:
            return Registration("nothing to do", endpoint.url)
        gateway.update_endpoint(endpoint.id, HANDLED)
        return Registration("updated", endpoint.url)
    made = gateway.create_endpoint(webhook_url(), HANDLED, API_VERSION)
    return Registration("created", made.url, made.secret)
