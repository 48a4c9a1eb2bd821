"""Refunds and disputes of a charge."""

import pytest
import stripe

from tests.simulator.conftest import NOW
from tests.simulator.shop import DAY, before, pay, types


@pytest.fixture
def charge(shop, v1):
    """A charge of 1000 for a subscription."""
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    return v1.charges.list({"customer": subscription.customer}).data[0]


class TestRefunds:
    def test_in_parts_and_whole(self, shop, v1, charge):
        start = shop.last_event()
        part = v1.refunds.create(
            {"charge": charge.id, "amount": 300, "reason": "requested_by_customer"}
        )
        assert (part.status, part.amount, part.charge, part.payment_intent) == (
            "succeeded",
            300,
            charge.id,
            charge.payment_intent,
        )
        rest = v1.refunds.create({"payment_intent": charge.payment_intent})
        assert rest.amount == 700
        now = v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
        assert (now.amount_refunded, now.refunded) == (1000, True)
        assert [refund.id for refund in now.refunds.data] == [rest.id, part.id]
        events = shop.events(start)
        assert types(events) == ["charge.refunded", "refund.created"] * 2
        assert before(events[0]) == {"amount_refunded": 0}
        assert before(events[2]) == {"amount_refunded": 300, "refunded": False}

    def test_no_more_than_was_paid(self, v1, charge):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.refunds.create({"charge": charge.id, "amount": 1001})
        assert refused.value.param == "amount"
        v1.refunds.create({"charge": charge.id})
        with pytest.raises(stripe.InvalidRequestError) as again:
            v1.refunds.create({"charge": charge.id})
        assert again.value.code == "charge_already_refunded"

    def test_some_cards_take_their_time(self, v1, simulator):
        refund = v1.refunds.create({"payment_intent": pay(v1, "pm_card_pendingRefund").id})
        assert refund.status == "pending"
        simulator.advance(seconds=DAY)
        assert v1.refunds.retrieve(refund.id).status == "succeeded"

    def test_and_some_refuse(self, shop, v1, simulator):
        intent = pay(v1, "pm_card_refundFail")
        refund = v1.refunds.create({"payment_intent": intent.id})
        assert refund.status == "succeeded"
        simulator.advance(seconds=DAY)
        assert v1.refunds.retrieve(refund.id).status == "failed"
        assert v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
        assert types(shop.events())[-3:] == ["refund.updated", "charge.updated", "refund.failed"]

    def test_a_pending_one_can_be_canceled(self, v1):
        refund = v1.refunds.create({"payment_intent": pay(v1, "pm_card_pendingRefund").id})
        assert v1.refunds.cancel(refund.id).status == "canceled"


class TestDisputes:
    def test_by_a_test_card(self, shop, v1, simulator):
        intent = pay(v1, "pm_card_createDispute")
        start = shop.last_event()
        simulator.advance(seconds=60)
        (dispute,) = v1.disputes.list({"charge": intent.latest_charge}).data
        assert (dispute.status, dispute.reason, dispute.amount) == (
            "needs_response",
            "fraudulent",
            1500,
        )
        assert v1.charges.retrieve(intent.latest_charge).disputed
        assert types(shop.events(start)) == [
            "charge.dispute.created",
            "charge.updated",
            "charge.dispute.funds_withdrawn",
        ]
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.refunds.create({"charge": intent.latest_charge})
        assert refused.value.code == "charge_disputed"

    @pytest.mark.parametrize("status", ["won", "lost"])
    def test_evidence_decides(self, shop, simulator, charge, status):
        v1, words = shop.v1, {"won": "winning_evidence", "lost": "losing_evidence"}[status]
        opened = simulator.control("disputes", charge=charge.id, reason="product_not_received")
        answered = v1.disputes.update(opened["id"], {"evidence": {"uncategorized_text": words}})
        assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
        start = shop.last_event()
        simulator.advance(seconds=DAY)
        assert v1.disputes.retrieve(opened["id"]).status == status
        assert types(shop.events(start))[0] == "charge.dispute.closed"

    def test_evidence_can_wait_to_be_submitted(self, v1, simulator, charge):
        opened = simulator.control("disputes", charge=charge.id)
        kept = v1.disputes.update(
            opened["id"], {"evidence": {"customer_name": "Ada"}, "submit": False}
        )
        assert (kept.status, kept.evidence.customer_name) == ("needs_response", "Ada")
        assert kept.evidence_details.has_evidence

    def test_without_an_answer_it_is_lost(self, v1, simulator, charge):
        opened = simulator.control("disputes", charge=charge.id)
        due_by = v1.disputes.retrieve(opened["id"]).evidence_details.due_by
        assert NOW + 9 * DAY <= due_by < NOW + 10 * DAY
        simulator.advance(to=due_by)
        lost = v1.disputes.retrieve(opened["id"])
        assert (lost.status, lost.evidence_details.past_due) == ("lost", True)

    def test_to_close_it_is_to_give_in(self, v1, simulator, charge):
        opened = simulator.control("disputes", charge=charge.id)
        assert v1.disputes.close(opened["id"]).status == "lost"
        with pytest.raises(stripe.InvalidRequestError):
            v1.disputes.close(opened["id"])

    def test_the_bank_can_be_played(self, shop, simulator, charge):
        opened = simulator.control("disputes", charge=charge.id)
        assert simulator.control(f"disputes/{opened['id']}/close", won=True)["status"] == "won"
        assert types(shop.events())[-2:] == [
            "charge.dispute.closed",
            "charge.dispute.funds_reinstated",
        ]

    def test_a_verdict_comes_at_the_customers_own_time(self, shop, v1, simulator):
        clock = v1.test_helpers.test_clocks.create({"frozen_time": NOW + 100 * DAY})
        shop.subscribe(shop.customer(test_clock=clock.id), shop.price(1000))
        opened = simulator.control("disputes", charge=v1.charges.list().data[0].id)
        simulator.control(f"disputes/{opened['id']}/close", won=False)
        assert {event.created for event in shop.events()[-3:]} == {NOW + 100 * DAY}

    def test_an_inquiry_moves_no_money(self, shop, v1, simulator, charge):
        start = shop.last_event()
        opened = simulator.control("disputes", charge=charge.id, inquiry=True)
        assert opened["status"] == "warning_needs_response"
        assert "charge.dispute.funds_withdrawn" not in types(shop.events(start))
        assert v1.refunds.create({"charge": charge.id}).status == "succeeded"
