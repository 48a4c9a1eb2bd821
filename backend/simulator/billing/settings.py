"""What an account decides about billing in Stripe's dashboard."""

from typing import Literal

from simulator.state.work import Work

AfterRetries = Literal["cancel", "unpaid", "past_due"]


def after_retries(work: Work) -> str:
    """What becomes of a subscription when the last retry has failed."""
    found = work.find("_setting", "after_retries")
    return found["value"] if found else "cancel"


def set_after_retries(work: Work, value: AfterRetries) -> None:
    work.put({"object": "_setting", "id": "after_retries", "value": value})
