"""Some months of a subscription, whose payer has a separate test clock. Each chapter
makes Stripe send events.
"""

from collections.abc import Callable
from typing import Any

import httpx2

from app.routers.payments.webhooks.event_types import HANDLED
from tests.payments.lives import make_payer
from tests.payments.stripe_side import KEY, StripeSide


class LongLife:
    """A subscription with a long history. After each of its `chapters`, `news()`
    returns the new events.
    """

    def __init__(self, side: StripeSide, prices: dict[str, str], http: httpx2.Client) -> None:
        self._http = http
        self._side = side
        self._last = ""  # the id of the newest event of any payer at the last read
        self.payer = make_payer(side, prices, clock=True)
        self.names = {self.payer.stripe_id}  # ids of the objects that this life's events refer to
        self.id = ""
        self.events: list[dict[str, Any]] = []  # all events so far, oldest first
        self.chapters: tuple[Callable[[], None], ...] = (
            self._begin_with_a_trial,
            self._near_the_end_of_the_trial,
            self._pay_for_the_first_time,
            self._renew,
            self._fail_to_renew,
            self._recover,
            self._change_the_plan,
            self._wish_to_end,
            self._resume,
            self._be_given_back_a_part,
            self._dispute,
            self._answer_the_dispute,
            self._win_the_dispute,
            self._lapse,
        )

    def news(self) -> list[dict[str, Any]]:
        """Return the new events of this life that our webhook handles, oldest first."""
        known = {event["id"] for event in self.events}
        mine = [
            one
            for one in self._since_the_last_time()[::-1]
            if one["id"] not in known and self._is_mine(one)
        ]
        self.events += mine
        return mine

    def _since_the_last_time(self) -> list[dict[str, Any]]:
        """Return the events of all payers since the last call, newest first."""
        found: list[dict[str, Any]] = []
        has_more = True
        while has_more and not (found and found[-1]["id"] == self._last):
            after = {"starting_after": found[-1]["id"]} if found else {}
            answer = self._http.get(
                f"{self._side.url}/v1/events",
                params={"limit": 100, **after},
                headers={"Authorization": f"Bearer {KEY}"},
            )
            if answer.is_success:
                page, has_more = answer.json()["data"], answer.json()["has_more"]
                known = next(
                    (place + 1 for place, one in enumerate(page) if one["id"] == self._last), None
                )
                found += page[:known]
            else:
                # Another payer's clock was advanced, so Stripe has deleted the event
                # after which the next page should begin. Start again with the first
                # page.
                found = []
        self._last = found[0]["id"]
        return found

    def _is_mine(self, event: dict[str, Any]) -> bool:
        about = event["data"]["object"]
        names = {about.get("id"), about.get("customer"), about.get("charge")}
        return event["type"] in HANDLED and not names.isdisjoint(self.names)

    def _update(self, **changes: Any) -> None:
        self._side.api.subscriptions.update(self.id, changes)  # type: ignore[arg-type]  # a dict written in parts

    def _charge(self) -> str:
        """Return the newest charge.

        Events of refunds and disputes name only the charge.
        """
        charge = (
            self._side.api.charges.list({"customer": self.payer.stripe_id, "limit": 1}).data[0].id
        )
        self.names.add(charge)
        return charge

    def _begin_with_a_trial(self) -> None:
        self.id = self.payer.subscribe("pro", trial_period_days=14)

    def _near_the_end_of_the_trial(self) -> None:
        self.payer.advance(days=12)

    def _pay_for_the_first_time(self) -> None:
        self.payer.advance(days=2, hours=2)

    def _renew(self) -> None:
        self.payer.advance(days=31)

    def _fail_to_renew(self) -> None:
        self.payer.use_card("pm_card_chargeCustomerFail")
        self.payer.advance(days=31)

    def _recover(self) -> None:
        self.payer.use_card("pm_card_visa")
        self.payer.advance(days=4)

    def _change_the_plan(self) -> None:
        item = {
            "id": self.payer.at_stripe(self.id)["items"].data[0].id,
            "price": self.payer.prices["team"],
        }
        self._update(items=[item], proration_behavior="always_invoice")

    def _wish_to_end(self) -> None:
        self._update(cancel_at_period_end=True)

    def _resume(self) -> None:
        self._update(cancel_at_period_end=False)

    def _be_given_back_a_part(self) -> None:
        self._side.api.refunds.create({"charge": self._charge(), "amount": 100})

    def _dispute(self) -> None:
        self._side.control("POST", "disputes", charge=self._charge())

    def _answer_the_dispute(self) -> None:
        (dispute,) = self._side.api.disputes.list({"charge": self._charge()}).data
        self._side.api.disputes.update(
            dispute.id,
            {
                "evidence": {"uncategorized_text": "winning_evidence"},
                "submit": True,
            },  # with this evidence, the bank decides in the seller's favour
        )

    def _win_the_dispute(self) -> None:
        self.payer.advance(days=2)

    def _lapse(self) -> None:
        self._wish_to_end()
        self.payer.advance(days=32)
