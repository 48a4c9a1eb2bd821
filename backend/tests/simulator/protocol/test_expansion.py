"""`expand` checks a path against Stripe's declarations, and not against the current
value of the field.
"""

import pytest
import stripe

from tests.simulator.shop import Shop


@pytest.fixture
def subscription(v1):
    """A paid subscription that has an invoice, but not its own card."""
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
    "path",
    ["items", "items.data.price", "items.data.price.product", "items.data.plan", "discounts"],
)
def test_what_is_there_whole_stays_whole(v1, subscription, path):
    expanded = read(v1, subscription, path)
    assert expanded["items"].data[0].price.id == subscription["items"].data[0].price.id


def test_a_path_leads_through_what_is_part_of_an_object(v1, subscription):
    invoice = v1.invoices.retrieve(
        subscription.latest_invoice,
        {
            "expand": [
                "parent.subscription_details.subscription",
                "payments.data.payment.payment_intent",
            ]
        },
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
        (
            "pause_collection",
            "pause_collection",
        ),  # this field is null or a part of the subscription
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
    (found,) = v1.subscriptions.list(
        {"expand": ["data.default_payment_method", "data.customer"]}
    ).data
    assert (found.default_payment_method, found.customer.email) == (None, "ada@example.com")
    for path, words in (
        ("data.status", "(data.status)."),
        ("customer", "try expanding 'data.customer' instead."),
    ):
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
    coupon = v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    item = {"price": subscription["items"].data[0].price.id, "quantity": 1}
    wanted = {
        "mode": "subscription",
        "line_items": [item],
        "success_url": "https://app.example.com",
    }
    session = v1.checkout.sessions.create({**wanted, "discounts": [{"coupon": coupon}]})
    for path in ("line_items.data.discounts", "total_details.breakdown"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.checkout.sessions.retrieve(session.id, {"expand": [path]})
        assert refused.value.code == "simulator_unsupported"


def test_what_comes_only_on_demand_comes_empty_but_true(v1, subscription):
    fields = (
        "cash_balance",
        "invoice_credit_balance",
        "sources",
        "subscriptions",
        "tax",
        "tax_ids",
    )
    plain = v1.customers.retrieve(subscription.customer).to_dict()
    assert plain.keys().isdisjoint(fields)
    found = v1.customers.retrieve(subscription.customer, {"expand": list(fields)}).to_dict()
    assert found["sources"]["data"] == found["tax_ids"]["data"] == []
    assert [one["id"] for one in found["subscriptions"]["data"]] == [subscription.id]
    assert (found["cash_balance"]["available"], found["invoice_credit_balance"]) == (None, {})
    assert (found["tax"]["automatic_tax"], found["tax"]["location"]) == (
        "unrecognized_location",
        None,
    )
    address = {"country": "US", "state": "NY"}
    moved = v1.customers.update(subscription.customer, {"address": address, "expand": ["tax"]})
    assert moved.tax.location.to_dict() == {
        "country": "US",
        "source": "billing_address",
        "state": "NY",
    }
    (listed,) = v1.customers.list(
        {"expand": ["data.subscriptions.data.latest_invoice", "data.tax"]}
    ).data
    assert listed.subscriptions.data[0].latest_invoice.status == "paid"


def test_the_lists_of_a_customer_lead_on_to_their_pages(v1, subscription):
    price = subscription["items"].data[0].price.id
    for _ in range(11):
        v1.subscriptions.create({"customer": subscription.customer, "items": [{"price": price}]})
    customer = v1.customers.retrieve(subscription.customer, {"expand": ["subscriptions"]})
    assert (len(customer.subscriptions.data), customer.subscriptions.has_more) == (10, True)
    assert len(list(customer.subscriptions.auto_paging_iter())) == 12


def test_prices_and_coupons_have_the_one_currency_that_they_have(v1, subscription):
    price = subscription["items"].data[0].price.id
    found = v1.prices.retrieve(
        price, {"expand": ["currency_options", "tiers", "product"]}
    ).to_dict()
    assert found["currency_options"]["usd"]["unit_amount"] == 1000
    assert "tiers" not in found  # for a price per unit, Stripe leaves out `tiers`
    (plan,) = v1.plans.list({"expand": ["data.tiers", "data.product"]}).data
    assert (plan.product.name, "tiers" in plan) == ("Pro", False)
    fixed = v1.coupons.create(
        {"amount_off": 5, "currency": "eur", "expand": ["currency_options", "applies_to"]}
    )
    assert fixed.currency_options["eur"].amount_off == 5
    assert "applies_to" not in fixed
    percent = v1.coupons.create({"percent_off": 5, "expand": ["currency_options"]})
    assert "currency_options" not in percent


def test_a_reference_that_stripe_leaves_out_stays_out(v1, subscription):
    (charge,) = v1.charges.list({"expand": ["data.transfer", "data.balance_transaction"]}).data
    assert ("transfer" in charge, charge.balance_transaction) == (False, None)
    refund = v1.refunds.create({"charge": charge.id, "expand": ["failure_balance_transaction"]})
    assert refund.status == "succeeded"


def test_a_session_breaks_its_total_down(v1, subscription):
    item = {"price": subscription["items"].data[0].price.id, "quantity": 1}
    wanted = {
        "mode": "subscription",
        "line_items": [item],
        "success_url": "https://app.example.com",
    }
    paths = ["total_details.breakdown", "line_items.data.discounts", "line_items.data.taxes"]
    session = v1.checkout.sessions.create({**wanted, "expand": paths})
    assert session.total_details.breakdown.to_dict() == {"discounts": [], "taxes": []}
    assert (session.line_items.data[0].discounts, session.line_items.data[0].taxes) == ([], [])
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        v1.checkout.sessions.retrieve(session.id, {"expand": ["total_details"]})


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


def test_what_an_object_of_this_type_does_not_have_is_left_out(v1, subscription):
    invoice = v1.invoices.retrieve(subscription.latest_invoice, {"expand": ["issuer.account"]})
    assert invoice.issuer.to_dict() == {"type": "self"}
    found = read(v1, subscription, "invoice_settings.issuer.account")
    assert found.invoice_settings.issuer.to_dict() == {"type": "self"}
    paths = ["data.amount_details.line_items", "data.latest_charge"]
    (intent,) = v1.payment_intents.list({"expand": paths}).data
    assert intent.amount_details.line_items.data == []
    debit = "payment_method_details.us_bank_account.mandate"
    charge = v1.charges.retrieve(intent.latest_charge.id, {"expand": [debit]})
    assert "us_bank_account" not in charge.payment_method_details


def test_a_plan_in_a_schedule_is_shown_as_a_plan(v1, subscription):
    schedule = v1.subscription_schedules.create(
        {"from_subscription": subscription.id, "expand": ["phases.items.plan"]}
    )
    plan = schedule.phases[0]["items"][0].plan
    assert (plan.object, plan.amount) == ("plan", 1000)
