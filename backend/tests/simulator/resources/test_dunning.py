"""A renewal cannot be paid, and the simulator tries again."""

import pytest
import stripe

from tests.simulator.shop import at, before, types


class TestDunning:
    @pytest.fixture
    def failing(self, shop, simulator):
        """A subscription whose card is declined at the first renewal, on February 1 at
        01:00.
        """
        subscription = shop.subscribe(shop.customer(), shop.price(1000))
        shop.give_card(subscription.customer, "pm_card_chargeCustomerFail")
        simulator.advance(to=at("2026-02-01T00:59"))
        return subscription

    def test_a_failed_renewal_is_past_due(self, shop, v1, simulator, failing):
        start = shop.last_event()
        simulator.advance(seconds=60)
        assert v1.subscriptions.retrieve(failing.id).status == "past_due"
        invoice = shop.invoices(failing.id)[-1]
        assert (invoice.status, invoice.attempt_count) == ("open", 1)
        assert invoice.next_payment_attempt == at("2026-02-04T01:00")
        events = shop.events(start)
        assert types(events) == [
            "invoice.finalized",
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed",
            "invoice.updated",
            "customer.subscription.updated",
            "invoice.payment_failed",
        ]
        assert before(events[5]) == {"status": "active"}

    def test_the_last_retry_ends_it(self, shop, v1, simulator, failing):
        seen = []
        for moment in (
            "2026-02-01T01:00",
            "2026-02-04T01:00",
            "2026-02-09T01:00",
            "2026-02-16T01:00",
        ):
            simulator.advance(to=at(moment))
            invoice = shop.invoices(failing.id)[-1]
            seen.append(
                (
                    invoice.attempt_count,
                    invoice.next_payment_attempt,
                    v1.subscriptions.retrieve(failing.id).status,
                )
            )
        assert seen == [
            (1, at("2026-02-04T01:00"), "past_due"),
            (2, at("2026-02-09T01:00"), "past_due"),
            (3, at("2026-02-16T01:00"), "past_due"),
            (4, None, "canceled"),
        ]
        ended = v1.subscriptions.retrieve(failing.id)
        assert ended.cancellation_details.reason == "payment_failed"
        assert ended.ended_at == at("2026-02-16T01:00")
        invoice = shop.invoices(failing.id)[-1]
        assert (invoice.status, invoice.auto_advance) == ("open", False)
        assert shop.events()[-1].type == "customer.subscription.deleted"

    def test_a_new_card_heals_it_at_the_next_retry(self, shop, v1, simulator, failing):
        simulator.advance(to=at("2026-02-02"))
        shop.give_card(failing.customer, "pm_card_visa")
        simulator.advance(to=at("2026-02-04T01:00"))
        assert v1.subscriptions.retrieve(failing.id).status == "active"
        assert shop.invoices(failing.id)[-1].attempt_count == 2

    def test_a_new_card_of_the_subscription_does_it_as_well(self, shop, v1, simulator, failing):
        """If an invoice has no card, each attempt looks for a card again."""
        simulator.advance(to=at("2026-02-02"))
        method = v1.payment_methods.attach("pm_card_visa", {"customer": failing.customer})
        v1.subscriptions.update(failing.id, {"default_payment_method": method.id})
        assert shop.invoices(failing.id)[-1].default_payment_method is None
        simulator.advance(to=at("2026-02-04T01:00"))
        assert v1.subscriptions.retrieve(failing.id).status == "active"

    def test_a_payment_by_hand_heals_it_and_does_not_count(self, shop, v1, simulator, failing):
        simulator.advance(to=at("2026-02-02"))
        invoice = shop.invoices(failing.id)[-1]
        with pytest.raises(stripe.CardError):
            v1.invoices.pay(invoice.id)
        tried = v1.invoices.retrieve(invoice.id)
        assert (tried.attempt_count, tried.next_payment_attempt) == (1, at("2026-02-04T01:00"))
        shop.give_card(failing.customer, "pm_card_visa")
        assert v1.invoices.pay(invoice.id).status == "paid"
        assert v1.subscriptions.retrieve(failing.id).status == "active"

    @pytest.mark.parametrize("policy", ["unpaid", "past_due"])
    def test_the_account_decides_what_follows(self, shop, simulator, failing, policy):
        v1 = shop.v1
        simulator.control("settings", after_retries=policy)
        simulator.advance(to=at("2026-02-16T01:00"))
        assert v1.subscriptions.retrieve(failing.id).status == policy
        simulator.advance(to=at("2026-03-01T02:00"))
        newest = shop.invoices(failing.id)[-1]
        assert (newest.status, newest.auto_advance) == (
            ("draft", False) if policy == "unpaid" else ("open", True)
        )

    def test_the_customer_may_have_to_authenticate_a_renewal(self, shop, simulator, failing):
        shop.give_card(failing.customer, "pm_card_authenticationRequired")
        start = shop.last_event()
        simulator.advance(seconds=60)
        assert types(shop.events(start))[-5:] == [
            "payment_intent.requires_action",
            "invoice.updated",
            "customer.subscription.updated",
            "invoice.payment_action_required",
            "invoice.payment_failed",
        ]
