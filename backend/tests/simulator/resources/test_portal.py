import pytest
import stripe

from tests.simulator.shop import types


def test_a_session_needs_no_configuration_of_one_s_own(simulator, shop, v1):
    session = v1.billing_portal.sessions.create(
        {"customer": shop.customer(), "return_url": "https://app.example/"}
    )
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
    made = v1.billing_portal.configurations.create(
        {"features": features, "business_profile": {"headline": "Acme"}}
    )
    assert (made.features.subscription_cancel.mode, made.features.invoice_history.enabled) == (
        "immediately",
        False,
    )
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


def flow(v1, customer, kind, **fields):
    asked = {"type": kind, **fields}
    return v1.billing_portal.sessions.create({"customer": customer, "flow_data": asked})


def test_a_flow_is_told_as_it_was_asked_for(v1, running, shop):
    after = {"type": "redirect", "redirect": {"return_url": "https://app.example/done"}}
    item = running["items"].data[0].id
    items = [{"id": item, "price": shop.price(3000), "quantity": 2}]
    session = flow(
        v1,
        running.customer,
        "subscription_update_confirm",
        after_completion=after,
        subscription_update_confirm={"subscription": running.id, "items": items},
    )
    assert session.url.endswith("/flow")
    told = session.flow.to_dict()
    assert told["subscription_update_confirm"] == {
        "subscription": running.id,
        "items": items,
        "discounts": None,
    }
    assert told["after_completion"] == {**after, "hosted_confirmation": None}
    assert told["subscription_cancel"] is told["subscription_update"] is None
    plain = flow(v1, running.customer, "payment_method_update").flow
    assert (plain.type, plain.after_completion.type) == ("payment_method_update", "portal_homepage")


KINDS = ("subscription_cancel", "subscription_update", "subscription_update_confirm")


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_needs_an_ongoing_subscription_of_the_customer(v1, running, shop, kind):
    def refused(subscription, customer=running.customer):
        part = {"subscription": subscription}
        if kind == "subscription_update_confirm":
            part["items"] = [{"id": running["items"].data[0].id, "price": shop.price(3000)}]
        with pytest.raises(stripe.InvalidRequestError) as raised:
            flow(v1, customer, kind, **{kind: part})
        assert raised.value.param == f"flow_data[{kind}][subscription]"
        return raised.value

    assert refused("sub_none").code == "resource_missing"
    assert refused(running.id, shop.customer()).code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        flow(v1, running.customer, kind)
    assert missing.value.param == f"flow_data[{kind}]"
    v1.subscriptions.update(running.id, {"cancel_at_period_end": True})
    assert "already set to be canceled" in str(refused(running.id))
    v1.subscriptions.cancel(running.id)
    assert "is canceled" in str(refused(running.id))


def test_a_change_to_confirm_is_a_change_that_is_sold(v1, running, shop):
    item, price = running["items"].data[0].id, shop.price(3000)
    features = {"subscription_update": {"enabled": True, "default_allowed_updates": ["price"]}}
    products = [{"product": shop.product, "prices": [shop.price(1000)]}]
    features["subscription_update"]["products"] = products
    narrow = v1.billing_portal.configurations.create({"features": features}).id

    def refused(*items, configuration=None):
        part = {"subscription": running.id, "items": list(items)}
        asked = {"type": "subscription_update_confirm", "subscription_update_confirm": part}
        wanted = {"customer": running.customer, "flow_data": asked}
        with pytest.raises(stripe.InvalidRequestError) as raised:
            v1.billing_portal.sessions.create(
                wanted | ({"configuration": configuration} if configuration else {})
            )
        return raised.value.param.removeprefix("flow_data[subscription_update_confirm]")

    assert refused({"id": item}) == "[items]"  # the request contains no change
    assert refused({"id": item, "price": price}, {"id": item, "price": price}) == "[items]"
    assert refused({"id": "si_none", "price": price}) == "[items][0][id]"
    assert refused({"id": item, "price": "price_none"}) == "[items][0][price]"
    assert refused({"id": item, "price": price}, configuration=narrow) == "[items][0][price]"


def test_a_flow_needs_its_feature(v1, running):
    nothing = v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}}
    ).id
    wanted = {"customer": running.customer, "configuration": nothing}
    with pytest.raises(stripe.InvalidRequestError, match="payment_method_update") as refused:
        v1.billing_portal.sessions.create(
            {**wanted, "flow_data": {"type": "payment_method_update"}}
        )
    assert refused.value.param == "flow_data[type]"


def test_flows_that_the_portal_does_not_have_are_said_aloud(v1, running):
    for kind, part in (
        ("customer_update", {}),
        ("subscription_pause", {"subscription_pause": {"subscription": running.id}}),
        (
            "subscription_cancel",
            {
                "subscription_cancel": {
                    "subscription": running.id,
                    "retention": {"type": "coupon_offer", "coupon_offer": {"coupon": "TEN"}},
                }
            },
        ),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            flow(v1, running.customer, kind, **part)
        assert refused.value.code == "simulator_unsupported"
