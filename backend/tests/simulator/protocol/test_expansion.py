"""What `expand` does with a path is a matter of what Stripe declares, not of what happens to stand there."""

import pytest
import stripe

from tests.simulator.shop import Shop


@pytest.fixture
def subscription(v1):
    """Paid, its invoice on hand, and without a card of its own."""
    shop = Shop(v1)
    return shop.subscribe(shop.customer(), shop.price(1000))


def read(v1, subscription, *paths):
    return v1.subscriptions.retrieve(subscription.id, {"expand": list(paths)})


@pytest.mark.parametrize(
    "path",
    [
        "default_payment_method",
        "default_payment_method.customer",
        "pending_setup_intent.latest_attempt.payment_method",
        "schedule",
        "test_clock",
        "on_behalf_of",
        "latest_invoice.default_payment_method",
        "latest_invoice.on_behalf_of",
    ],
)
def test_what_is_null_stays_null(v1, subscription, path):
    value = read(v1, subscription, path)
    for name in path.split("."):
        value = value and value[name]
    assert value is None


@pytest.mark.parametrize(
    "path", ["items", "items.data.price", "items.data.price.product", "items.data.plan", "discounts"]
)
def test_what_is_there_whole_stays_whole(v1, subscription, path):
    expanded = read(v1, subscription, path)
    assert expanded["items"].data[0].price.id == subscription["items"].data[0].price.id


def test_a_path_leads_through_what_is_part_of_an_object(v1, subscription):
    invoice = v1.invoices.retrieve(
        subscription.latest_invoice,
        {"expand": ["parent.subscription_details.subscription", "payments.data.payment.payment_intent"]},
    )
    assert invoice.parent.subscription_details.subscription.id == subscription.id
    assert invoice.payments.data[0].payment.payment_intent.status == "succeeded"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("metadata", "metadata"),
        ("metadata.key", "metadata"),
        ("status", "status"),
        ("id", "id"),
        ("pause_collection", "pause_collection"),  # null, and a part of the subscription when it is not
        ("cancel_at", "cancel_at"),
        ("trial_settings", "trial_settings"),
        ("data", "data"),
        ("data.customer", "data"),
        ("default_payment_method.nonsense", "default_payment_method.nonsense"),
        ("default_payment_method.card", "default_payment_method.card"),
        ("items.nonsense", "items.nonsense"),
        ("items.data.nonsense", "items.data.nonsense"),
        ("customer.sources.data.nonsense", "customer.sources.data.nonsense"),  # of several kinds
        ("items.data.price.recurring", "items.data.price.recurring"),
        ("latest_invoice.parent", "latest_invoice.parent"),
        ("latest_invoice.parent.type", "latest_invoice.parent.type"),
    ],
)
def test_what_is_no_object_is_refused_by_its_place(v1, subscription, path, place):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        read(v1, subscription, "customer", path)
    assert (refused.value.http_status, refused.value.param) == (400, "expand")
    assert refused.value.user_message == f"This property cannot be expanded ({place})."


def test_in_a_list_paths_begin_with_data(v1, subscription):
    (found,) = v1.subscriptions.list({"expand": ["data.default_payment_method", "data.customer"]}).data
    assert (found.default_payment_method, found.customer.email) == (None, "ada@example.com")
    for path, words in (("data.status", "(data.status)."), ("customer", "try expanding 'data.customer' instead.")):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.subscriptions.list({"expand": [path]})
        assert refused.value.user_message.endswith(words)


def test_the_fifth_level_is_too_deep_in_a_list_as_well(v1, subscription):
    deepest = {"expand": ["data.latest_invoice.customer.invoice_settings"]}
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        v1.subscriptions.list(deepest)
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        v1.subscriptions.list({"expand": [f"{deepest['expand'][0]}.default_payment_method"]})


def test_what_the_simulator_does_not_have_is_said_aloud(v1, subscription):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        read(v1, subscription, "customer.subscriptions")
    assert refused.value.code == "simulator_unsupported"


def test_of_a_deleted_object_nothing_is_left_to_expand(v1, subscription):
    v1.customers.delete(subscription.customer)
    found = read(v1, subscription, "customer.invoice_settings.default_payment_method").customer
    assert found.to_dict() == {"id": subscription.customer, "object": "customer", "deleted": True}


def test_an_id_stays_where_its_object_is_gone(v1):
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_767_225_600})
    customer = v1.customers.create({"test_clock": clock.id})
    invoice = v1.invoices.create({"customer": customer.id})
    v1.test_helpers.test_clocks.delete(clock.id)
    assert v1.invoices.retrieve(invoice.id, {"expand": ["test_clock"]}).test_clock == clock.id
