"""The simulator's own API at /_simulator/api, for its clock, faults and deliveries.

Requests and responses are JSON.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulator.chaos import Chaos, ChaosSettings
from simulator.durations import DAY
from simulator.objects import Object
from simulator.resources.webhook_endpoints import register_default
from simulator.state.store import Store
from simulator.state.timeline import Timeline
from simulator.webhooks.delivery import Deliverer

router = APIRouter(prefix="/_simulator/api")

MAX_ADVANCE = 10 * 366 * DAY
FORGOTTEN = "Everything was reset before the clock could move, so it has not moved."


class Box:
    """All parts of a running simulator."""

    def __init__(self, store: Store, default_webhook: tuple[str, str] | None = None) -> None:
        """Create the parts.

        `default_webhook` is the URL and the secret of a webhook endpoint that always
        exists.
        """
        self.store = store
        self._default_webhook = default_webhook
        self.chaos = Chaos()
        self.timeline = Timeline(store)
        self.deliverer = Deliverer(store, self.chaos)
        self._register_default()

    def state(self) -> Object:
        clock = self.store.clock
        return {
            "now": clock.now(),
            "frozen": clock.frozen is not None,
            "next_due": self.timeline.next_due(),
            "seed": self.store.seed,
            "objects": {
                kind: len(t.rows)
                for kind, t in self.store.tables.items()
                if t.rows and kind[0] != "_"
            },
            "deliveries_on_their_way": self.deliverer.on_their_way,
            "chaos": self.chaos.settings.model_dump(),
        }

    def deliveries(self, limit: int = 50) -> list[Object]:
        """Return the deliveries, newest first, each with the URL of its endpoint.

        The URL is `None` if the endpoint has been deleted.
        """
        with self.store.work() as work:
            found = []
            for identity in list(work.ids("_delivery"))[::-1][:limit]:
                delivery = work.get("_delivery", identity)
                endpoint = work.find("webhook_endpoint", delivery["endpoint"])
                found.append(delivery | {"url": endpoint["url"] if endpoint else None})
        return found

    def resend(self, delivery: str) -> bool:
        """Send a delivery again, and return whether it exists."""
        with self.store.work() as work:
            known = work.find("_delivery", delivery) is not None
        if known:
            self.deliverer.send_now(delivery)
        return known

    async def settle(self, timeout_seconds: float) -> bool:
        """Wait until no test clock is advancing and no delivery is in progress.

        Returns false if this takes longer than the timeout. Retries that are due in the
        future do not count.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.timeline.settle()
                await self.deliverer.settle()
        except TimeoutError:
            return False
        return True

    async def reset(self) -> None:
        """Forget all objects, the time and the faults.

        If a clock is being advanced, the reset waits until this has finished.
        """
        async with self.timeline.standing_still():
            self.chaos.configure(ChaosSettings())
            self.store.reset()
            self._register_default()

    def _register_default(self) -> None:
        if self._default_webhook:
            with self.store.work() as work:
                register_default(work, *self._default_webhook)


def box_of(request: Request) -> Box:
    found: Box = request.app.state.box
    return found


BoxDependency = Annotated[Box, Depends(box_of)]


class Advance(BaseModel):
    """How far to advance the clock: by a number of seconds, or to a Unix time."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[int, Field(ge=1, le=MAX_ADVANCE)] | None = None
    to: int | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Advance":
        if (self.seconds is None) == (self.to is None):
            raise ValueError("send either seconds or to")
        return self


class Settle(BaseModel):
    model_config = ConfigDict(extra="forbid")

    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30


@router.get("/state")
async def state(box: BoxDependency) -> dict[str, Any]:
    return box.state()


@router.post("/clock/advance")
async def advance(box: BoxDependency, wanted: Advance) -> dict[str, Any]:
    """Advance the clock. Respond after everything up to that time has happened."""
    now = box.store.clock.now()
    to = now + wanted.seconds if wanted.seconds is not None else wanted.to or 0
    if not now <= to <= now + MAX_ADVANCE:
        raise HTTPException(
            422, f"The clock can only go forward, by at most ten years at once. It is {now} now."
        )
    if not await box.timeline.advance(to):
        raise HTTPException(409, FORGOTTEN)
    return box.state()


@router.post("/chaos")
async def set_chaos(box: BoxDependency, settings: ChaosSettings) -> dict[str, Any]:
    """Replace all settings. `{}` ends all faults."""
    box.chaos.configure(settings)
    return box.state()


@router.post("/reset")
async def reset(box: BoxDependency) -> dict[str, Any]:
    await box.reset()
    return box.state()


@router.get("/deliveries")
async def deliveries(
    box: BoxDependency, limit: Annotated[int, Field(ge=1, le=1000)] = 50
) -> dict[str, Any]:
    return {"deliveries": box.deliveries(limit)}


@router.post("/deliveries/{delivery}/resend")
async def resend(box: BoxDependency, delivery: str) -> dict[str, Any]:
    if not box.resend(delivery):
        raise HTTPException(404, "There is no such delivery.")
    return {"sent": True}


@router.post("/settle")
async def settle(box: BoxDependency, wanted: Settle) -> dict[str, Any]:
    """Respond when deliveries and test clocks are idle, or with 408 at the timeout."""
    if not await box.settle(wanted.timeout_seconds):
        raise HTTPException(408, "Deliveries are still on their way.")
    return box.state()
