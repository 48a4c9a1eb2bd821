"""Actions for which Stripe has no API: disputes, banks' decisions, and settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from simulator.billing import disputes, settings
from simulator.billing.settings import AfterRetries
from simulator.control import Box, BoxDependency
from simulator.objects import public_object
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

router = APIRouter(prefix="/_simulator/api")


class NewDispute(BaseModel):
    """A dispute to open. In an inquiry, the bank only asks, and no money moves yet."""

    model_config = ConfigDict(extra="forbid")

    charge: Annotated[str, Field(max_length=100)]
    reason: Literal["fraudulent", "product_not_received"] = "fraudulent"
    inquiry: bool = False


class Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    won: bool


class BillingSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    after_retries: AfterRetries


class Lives(BaseModel):
    """The test clock for new customers with this email address.

    The seller's server creates its customers without naming a test clock.
    """

    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(max_length=254)]
    test_clock: Annotated[str, Field(max_length=100)]


@contextmanager
def _work(box: Box) -> Iterator[Work]:
    try:
        with box.store.work() as work:
            yield work
    except StripeError as refused:
        raise HTTPException(refused.status, refused.message) from refused


@router.post("/disputes")
async def open_dispute(box: BoxDependency, wanted: NewDispute) -> dict[str, Any]:
    with _work(box) as work:
        charge = work.get("charge", wanted.charge)
        work.use_clock_of(work.find("customer", charge["customer"]))
        shown: dict[str, Any] = public_object(
            disputes.open_dispute(work, charge, wanted.reason, inquiry=wanted.inquiry)
        )
        return shown


@router.post("/disputes/{dispute}/close")
async def close_dispute(box: BoxDependency, dispute: str, verdict: Verdict) -> dict[str, Any]:
    with _work(box) as work:
        shown: dict[str, Any] = public_object(
            disputes.close_dispute(work, disputes.find_dispute(work, dispute), won=verdict.won)
        )
        return shown


@router.post("/settings")
async def set_billing(box: BoxDependency, wanted: BillingSettings) -> BillingSettings:
    """Set what happens to a subscription after its last retry has failed."""
    with _work(box) as work:
        settings.set_after_retries(work, wanted.after_retries)
    return wanted


@router.post("/customers/clock")
async def set_clock(box: BoxDependency, wanted: Lives) -> Lives:
    """Put new customers with this email address on this clock.

    An existing customer keeps its clock.
    """
    with _work(box) as work:
        work.get("test_helpers.test_clock", wanted.test_clock)
        settings.set_clock_of(work, wanted.email, wanted.test_clock)
    return wanted
