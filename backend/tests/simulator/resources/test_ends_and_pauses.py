"""Subscriptions that are cancelled, now or later, resumed and paused."""

import pytest
import stripe

from tests.simulator.conftest import NOW
from tests.simulator.shop import amounts, at, before, item_of, types


class TestCancelling:
    @pytest.fixture
    def running(self, shop):
        return shop.subscribe(shop.customer(), shop.price(1000))

    def test_at_the_end_of_the_period(self, shop, v1, simulator, running):
        start = shop.last_event()
        told = v1.subscriptions.update(
            running.id,
            {"cancel_at_period_end": True, "cancellation_details": {"feedback": "too_expensive"}},
        )
        assert (told.status, told.cancel_at, told.canceled_at) == ("active", at("2026-02-01"), NOW)
        assert told.cancellation_details.to_dict() == {
            "comment": None,
            "feedback": "too_expensive",
            "feedback_option": None,
            "reason": "cancellation_requested",
        }
        assert before(shop.events(start)[0])["cancel_at"] is None
        simulator.advance(to=at("2026-02-01"))
        ended = v1.subscriptions.retrieve(running.id)
        assert (ended.status, ended.ended_at, ended.canceled_at) == (
            "canceled",
            at("2026-02-01"),
            NOW,
        )
        assert shop.events()[-1].type == "customer.subscription.deleted"
        assert len(shop.invoices(running.id)) == 1

    def test_until_then_it_can_be_resumed(self, shop, v1, simulator, running):
        v1.subscriptions.update(running.id, {"cancel_at_period_end": True})
        resumed = v1.subscriptions.update(running.id, {"cancel_at_period_end": False})
        assert (resumed.cancel_at, resumed.canceled_at, resumed.cancellation_details.reason) == (
            None,
            None,
            None,
        )
        simulator.advance(to=at("2026-02-01T01:00"))
        assert v1.subscriptions.retrieve(running.id).status == "active"
        assert len(shop.invoices(running.id)) == 2

    def test_on_a_day_of_its_own_with_the_rest_credited(self, shop, v1, simulator, running):
        v1.subscriptions.update(running.id, {"cancel_at": at("2026-01-16T12:00")})
        simulator.advance(to=at("2026-01-16T12:00"))
        assert v1.subscriptions.retrieve(running.id).status == "canceled"
        assert amounts(shop.invoices(running.id)[-1]) == [-500]
        assert v1.customers.retrieve(running.customer).balance == -500

    def test_on_a_day_of_a_later_period_its_rest_is_always_credited(
        self, shop, v1, simulator, running
    ):
        """The customer gets a credit for 14 of the 28 days of February:
        https://docs.stripe.com/api/subscriptions/update, `cancel_at`.
        """
        v1.subscriptions.update(
            running.id, {"cancel_at": at("2026-02-15"), "proration_behavior": "none"}
        )
        simulator.advance(to=at("2026-02-15"))
        assert v1.subscriptions.retrieve(running.id).status == "canceled"
        assert [amounts(invoice) for invoice in shop.invoices(running.id)] == [
            [1000],
            [1000],
            [-500],
        ]
        assert v1.customers.retrieve(running.customer).balance == -500

    def test_at_once_nothing_is_given_back(self, shop, v1, simulator, running):
        simulator.advance(to=at("2026-01-16T12:00"))
        shop.change(running, shop.price(2000))
        ended = v1.subscriptions.cancel(running.id)
        assert (ended.status, ended.ended_at) == ("canceled", at("2026-01-16T12:00"))
        assert v1.invoice_items.list().data == []
        assert types(shop.events())[-3:] == [
            "invoiceitem.deleted",
            "invoiceitem.deleted",
            "customer.subscription.deleted",
        ]
        simulator.advance(to=at("2026-03-02"))
        assert len(shop.invoices(running.id)) == 1

    def test_at_once_with_the_unused_time_credited(self, shop, v1, simulator, running):
        simulator.advance(to=at("2026-01-16T12:00"))
        v1.subscriptions.cancel(running.id, {"prorate": True, "invoice_now": True})
        invoice = shop.invoices(running.id)[-1]
        assert (amounts(invoice), invoice.status) == ([-500], "paid")
        assert v1.customers.retrieve(running.customer).balance == -500

    def test_what_has_ended_stays_so(self, v1, running):
        v1.subscriptions.cancel(running.id)
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.subscriptions.cancel(running.id)
        assert refused.value.http_status == 404
        with pytest.raises(stripe.InvalidRequestError, match="can only update"):
            v1.subscriptions.update(running.id, {"cancel_at_period_end": True})
        assert v1.subscriptions.update(running.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"

    @pytest.mark.parametrize(
        "end", [{"cancel_at_period_end": True}, {"cancel_at": at("2026-01-20")}]
    )
    def test_ended_at_once_nothing_more_is_to_happen_to_it(self, shop, v1, simulator, running, end):
        """In responses recorded from Stripe, the flag and the time of a planned end are
        unset after an immediate end.

        A pause is also unset.
        """
        pause = {"behavior": "keep_as_draft", "resumes_at": at("2026-01-25")}
        v1.subscriptions.update(running.id, {"pause_collection": pause, **end})
        ended = v1.subscriptions.cancel(running.id)
        assert (ended.cancel_at_period_end, ended.cancel_at, ended.pause_collection) == (
            False,
            None,
            None,
        )
        assert (ended.canceled_at, ended.cancellation_details.reason) == (
            NOW,
            "cancellation_requested",
        )
        told = shop.last_event()
        simulator.advance(to=at("2026-01-28"))
        assert shop.events(told) == []
        assert v1.subscriptions.retrieve(running.id) == ended

    def test_ended_as_it_was_to_it_still_says_so(self, v1, simulator, running):
        v1.subscriptions.update(
            running.id, {"cancel_at_period_end": True, "pause_collection": {"behavior": "void"}}
        )
        simulator.advance(to=at("2026-02-01"))
        ended = v1.subscriptions.retrieve(running.id)
        assert (ended.status, ended.cancel_at_period_end, ended.cancel_at) == (
            "canceled",
            True,
            at("2026-02-01"),
        )
        assert ended.pause_collection is None

    def test_the_end_of_the_period_moves_with_the_period(self, shop, v1, running):
        v1.subscriptions.update(running.id, {"cancel_at_period_end": True})
        changed = shop.change(running, shop.price(9000, "year"))
        assert changed.cancel_at == item_of(changed).current_period_end == at("2027-01-01")

    def test_of_two_ends_that_are_asked_for_the_last_one_holds(self, shop, v1, simulator, running):
        """The second request replaces the credit of the first request."""
        v1.subscriptions.update(running.id, {"cancel_at": at("2026-03-10")})
        v1.subscriptions.update(running.id, {"cancel_at_period_end": True})
        simulator.advance(to=at("2026-02-01"))
        assert [amounts(invoice) for invoice in shop.invoices(running.id)] == [[1000]]

    def test_an_incomplete_one_just_expires(self, shop, v1):
        subscription = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), shop.price(1000))
        v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        expired = v1.subscriptions.cancel(subscription.id)
        assert (expired.status, expired.cancel_at_period_end, expired.cancel_at) == (
            "incomplete_expired",
            False,
            None,
        )

    def test_with_its_customer(self, v1, running):
        v1.customers.delete(running.customer)
        assert v1.subscriptions.retrieve(running.id).status == "canceled"


class TestPausing:
    @pytest.fixture
    def running(self, shop):
        return shop.subscribe(shop.customer(), shop.price(1000))

    def test_a_paused_subscription_stands_still_and_resumes(self, shop, v1, simulator, running):
        simulator.advance(to=at("2026-01-16T12:00"))
        paused = v1.subscriptions.pause(running.id)
        assert (paused.status, paused.status_details.paused.transitioned_at) == (
            "paused",
            at("2026-01-16T12:00"),
        )
        assert types(shop.events())[-2:] == [
            "customer.subscription.updated",
            "customer.subscription.paused",
        ]
        simulator.advance(to=at("2026-03-10"))
        assert len(shop.invoices(running.id)) == 1
        resumed = v1.subscriptions.resume(running.id)
        assert (resumed.status, "status_details" in resumed) == ("active", False)
        assert resumed.billing_cycle_anchor == at("2026-03-10")
        invoice = shop.invoices(running.id)[-1]
        assert (amounts(invoice), invoice.status) == ([-500, 1000], "paid")
        assert "customer.subscription.resumed" in types(shop.events())

    def test_a_cancellation_does_not_repeat_the_credit_of_a_pause(
        self, shop, v1, simulator, running
    ):
        simulator.advance(to=at("2026-01-16T12:00"))
        v1.subscriptions.pause(running.id)
        v1.subscriptions.cancel(running.id, {"prorate": True, "invoice_now": True})
        assert amounts(shop.invoices(running.id)[-1]) == [-500]

    def test_it_can_resume_in_its_old_cycle(self, shop, v1, simulator, running):
        """On March 11, 21 of 31 days are left, which cost 677.42."""
        v1.subscriptions.pause(running.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
        simulator.advance(to=at("2026-03-11"))
        resumed = v1.subscriptions.resume(
            running.id, {"billing_cycle_anchor": {"type": "unchanged"}}
        )
        assert item_of(resumed).current_period_end == at("2026-04-01")
        assert amounts(shop.invoices(running.id)[-1]) == [677]

    def test_a_trial_is_over_when_a_pause_is(self, shop, v1):
        trial = shop.subscribe(shop.customer(), shop.price(1000), trial_period_days=30)
        v1.subscriptions.pause(trial.id)
        resumed = v1.subscriptions.resume(trial.id)
        assert (resumed.status, resumed.trial_end) == ("active", NOW)
        assert amounts(shop.invoices(trial.id)[-1]) == [1000]

    @pytest.mark.parametrize(("told", "becomes"), [("pause", "paused"), ("cancel", "canceled")])
    def test_ending_a_trial_without_a_card_follows_its_settings(self, shop, v1, told, becomes):
        settings = {"end_behavior": {"missing_payment_method": told}}
        trial = shop.subscribe(
            shop.customer(None), shop.price(1000), trial_period_days=30, trial_settings=settings
        )
        change = {"items": [{"id": item_of(trial).id, "quantity": 2}], "trial_end": "now"}
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.subscriptions.update(trial.id, change)
        assert refused.value.code == "simulator_unsupported"
        ended = v1.subscriptions.update(trial.id, {"trial_end": "now", "metadata": {"a": "b"}})
        assert (ended.status, ended.trial_end, item_of(ended).current_period_end) == (
            becomes,
            NOW,
            NOW,
        )
        assert ended.metadata["a"] == "b"
        assert len(shop.invoices(trial.id)) == 1

    def test_with_a_card_such_a_trial_goes_on(self, shop, v1):
        settings = {"end_behavior": {"missing_payment_method": "pause"}}
        trial = shop.subscribe(
            shop.customer(None), shop.price(1000), trial_period_days=30, trial_settings=settings
        )
        card = v1.payment_methods.attach("pm_card_visa", {"customer": trial.customer})
        ended = v1.subscriptions.update(
            trial.id, {"trial_end": "now", "default_payment_method": card.id}
        )
        assert (ended.status, amounts(shop.invoices(trial.id)[-1])) == ("active", [1000])

    def test_only_a_paused_one_can_be_resumed(self, v1, running):
        with pytest.raises(stripe.InvalidRequestError, match="not paused"):
            v1.subscriptions.resume(running.id)

    @pytest.mark.parametrize(
        ("behavior", "status"),
        [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")],
    )
    def test_collection_alone_can_be_paused(self, shop, simulator, running, behavior, status):
        v1 = shop.v1
        v1.subscriptions.update(
            running.id, {"pause_collection": {"behavior": behavior, "resumes_at": at("2026-02-10")}}
        )
        simulator.advance(to=at("2026-02-01T02:00"))
        assert v1.subscriptions.retrieve(running.id).status == "active"
        assert shop.invoices(running.id)[-1].status == status
        simulator.advance(to=at("2026-02-10"))
        assert v1.subscriptions.retrieve(running.id).pause_collection is None
        simulator.advance(to=at("2026-03-01T02:00"))
        assert shop.invoices(running.id)[-1].status == "paid"

    def test_what_was_not_charged_is_not_credited(self, shop, v1, simulator, running):
        v1.subscriptions.update(running.id, {"pause_collection": {"behavior": "void"}})
        simulator.advance(to=at("2026-02-15"))
        shop.change(running, shop.price(2000), proration_behavior="always_invoice")
        assert amounts(shop.invoices(running.id)[-1]) == [1000]
