"""The account's settings for billing. Stripe has these settings in its dashboard."""

from typing import Literal

from simulator.state.work import Work

AfterRetries = Literal["cancel", "unpaid", "past_due"]


def after_retries(work: Work) -> str:
    """Return what happens to a subscription after its last retry has failed."""
    found = work.find("_setting", "after_retries")
    return found["value"] if found else "cancel"


def clock_of(work: Work, email: str | None) -> str | None:
    """Return the test clock chosen for a customer with this address, if any."""
    found = work.find("_setting", f"clock of {email}")
    return (
        found["value"] if found and work.find("test_helpers.test_clock", found["value"]) else None
    )


def set_clock_of(work: Work, email: str, clock: str) -> None:
    work.put({"object": "_setting", "id": f"clock of {email}", "value": clock})


def set_after_retries(work: Work, value: AfterRetries) -> None:
    work.put({"object": "_setting", "id": "after_retries", "value": value})
