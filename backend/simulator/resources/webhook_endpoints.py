"""Webhook endpoints: their URLs, their secrets and the types of events they receive."""

from stripe import api_version
from stripe.params import (
    WebhookEndpointCreateParams,
    WebhookEndpointDeleteParams,
    WebhookEndpointListParams,
    WebhookEndpointRetrieveParams,
    WebhookEndpointUpdateParams,
)

from simulator.objects import Object
from simulator.protocol.errors import unsupported_feature
from simulator.protocol.lists import list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.protocol.urls import check_url
from simulator.state.work import Work

KIND = "webhook_endpoint"
URL = "/v1/webhook_endpoints"


@operation(f"POST {URL}", WebhookEndpointCreateParams)
def create(work: Work, params: Params) -> Object:
    version = params.get("api_version")
    if version not in (None, api_version):
        raise unsupported_feature("api_version", f"The simulator speaks {api_version} alone.")
    if params.get("connect"):
        raise unsupported_feature(
            "connect", "The simulator has a single account and no connected ones."
        )
    endpoint = new_endpoint(
        work,
        _checked(params["url"]),
        f"whsec_{work.new_secret()}",
        params["enabled_events"],
        version,
    )
    endpoint["description"] = params.get("description")
    params.merge_metadata(endpoint)
    work.put(endpoint)
    return endpoint | {"secret": endpoint["_secret"]}  # shown only once


def new_endpoint(
    work: Work, url: str, secret: str, events: list[str], version: str | None = None
) -> Object:
    return work.new(
        KIND,
        api_version=version,
        application=None,
        description=None,
        enabled_events=events,
        status="enabled",
        url=url,
        _secret=secret,
    )


def register_default(work: Work, url: str, secret: str) -> None:
    """Register the endpoint that the settings name, which receives all events.

    There is at most one such endpoint. If the settings change, its URL changes.
    """
    default = next((found for found in work.all(KIND) if found.get("_default")), None)
    endpoint = default or new_endpoint(work, url, secret, ["*"]) | {"_default": True}
    work.put(endpoint | {"url": url, "_secret": secret})


@operation(f"GET {URL}/{{id}}", WebhookEndpointRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get(KIND, identity)


@operation(f"POST {URL}/{{id}}", WebhookEndpointUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    endpoint = work.get(KIND, identity)
    params.into(endpoint, "description", "enabled_events")
    if "url" in params:
        endpoint["url"] = _checked(params["url"])
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    params.merge_metadata(endpoint)
    return work.put(endpoint)


@operation(f"DELETE {URL}/{{id}}", WebhookEndpointDeleteParams)
def delete(work: Work, _: Params, identity: str) -> Object:
    work.get(KIND, identity)
    work.remove(KIND, identity)
    return {"id": identity, "object": KIND, "deleted": True}


@operation(f"GET {URL}", WebhookEndpointListParams)
def list_all(work: Work, params: Params) -> Object:
    return list_page(work, params, KIND, URL)


def _checked(url: str | None) -> str:
    """Check the URL. Plain http is accepted for receivers on this machine.

    Stripe, too, requires https only in live mode.
    """
    return check_url(url or "", "url", web=True)
