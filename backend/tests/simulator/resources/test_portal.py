import pytest
import stripe

from tests.simulator.shop import types


def test_a_session_needs_no_configuration_of_one_s_own(simulator, shop, v1):
    session = v1.billing_portal.sessions.create({"customer": shop.customer(), "return_url": "https://app.example/"})
    assert session.url.startswith(f"{simulator.url}/p/session/")
    configuration = v1.billing_portal.configurations.retrieve(session.configuration)
    assert (configuration.is_default, configuration.active) == (True, True)
    assert configuration.features.subscription_update.default_allowed_updates == ["price"]
    again = v1.billing_portal.sessions.create({"customer": session.customer})
    assert again.configuration == session.configuration
    assert again.url != session.url
    assert v1.billing_portal.configurations.list({"is_default": True}).data == [configuration]


def test_a_configuration_has_what_it_was_given_and_nothing_else(shop, v1):
    price = shop.price(1000)
    features = {
        "subscription_cancel": {"enabled": True, "mode": "immediately"},
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "products": [{"product": shop.product, "prices": [price]}],
        },
    }
    made = v1.billing_portal.configurations.create({"features": features, "business_profile": {"headline": "Acme"}})
    assert (made.features.subscription_cancel.mode, made.features.invoice_history.enabled) == ("immediately", False)
    assert made.features.subscription_update.products[0].prices == [price]
    changed = v1.billing_portal.configurations.update(
        made.id, {"active": False, "features": {"invoice_history": {"enabled": True}}}
    )
    assert changed.features.invoice_history.enabled
    assert changed.features.subscription_cancel.enabled
    assert types(shop.events())[-2:] == [
        "billing_portal.configuration.created",
        "billing_portal.configuration.updated",
    ]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.billing_portal.sessions.create({"customer": shop.customer(), "configuration": made.id})
    assert refused.value.param == "configuration"


def test_flows_are_not_there(shop, v1):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.billing_portal.sessions.create({"customer": shop.customer(), "flow_data": {"type": "payment_method_update"}})
    assert refused.value.code == "simulator_unsupported"
