"""The delivery of events to their endpoints.

Several deliveries run at a time, as they do at Stripe, so a receiver must not rely on
their order.
"""

import asyncio
import json
import logging
import time

import httpx2

from simulator.chaos import Chaos
from simulator.objects import Object, public_object
from simulator.resources.events import rendered
from simulator.state.store import Store
from simulator.webhooks.planning import left_behind, record_attempt
from simulator.webhooks.signing import signature_header

logger = logging.getLogger(__name__)

PARALLEL = 8
TIMEOUT_SECONDS = 10
REORDER_SECONDS = 1  # how long an event waits for the next event to overtake it


class Deliverer:
    """Delivers events.

    The faults of a delivery are chosen before it is sent, in the order of the events.
    So the same seed always gives the same faults.
    """

    def __init__(self, store: Store, chaos: Chaos) -> None:
        self._store = store
        self._chaos = chaos
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._overtaken: list[str] = []
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()
        store.deliver = self.send

    def send(self, deliveries: list[str]) -> None:
        for delivery in deliveries:
            faults = self._chaos.webhook_faults()
            if "drop" in faults:
                self._drop(delivery)
                continue
            for copy in [delivery] * (2 if "duplicate" in faults else 1):
                self._set_out(copy, faults)

    def send_now(self, delivery: str) -> None:
        """Send a delivery without faults.

        A person has asked for the delivery, or the last stop has interrupted it.
        """
        self._count(1)
        self._queue.put_nowait(delivery)

    async def settle(self) -> None:
        """Wait until no delivery is in progress."""
        await self._idle.wait()

    @property
    def on_their_way(self) -> int:
        return self._open

    async def work(self) -> None:
        """Send deliveries until this task is cancelled."""
        with self._store.work() as work:
            forgotten = left_behind(work)
        for delivery in forgotten:
            self.send_now(delivery)
        async with (
            httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(PARALLEL):
                group.create_task(self._carry(client))

    async def _carry(self, client: httpx2.AsyncClient) -> None:
        while True:
            delivery = await self._queue.get()
            try:
                await self._attempt(client, delivery)
            except Exception:
                logger.exception("%s was not delivered", delivery)
            finally:
                self._count(-1)

    async def _attempt(self, client: httpx2.AsyncClient, delivery_id: str) -> None:
        with self._store.work() as work:
            delivery = work.find("_delivery", delivery_id) or {}
            event = work.find("event", delivery.get("event"))
            endpoint = work.find("webhook_endpoint", delivery.get("endpoint"))
            if not event or not delivery:  # deleted since the delivery was planned
                return
            if not endpoint or endpoint["status"] != "enabled":
                if delivery["status"] == "pending":
                    work.put(delivery | {"status": "failed"})
                return
            payload = _payload(rendered(work, event))
        self._store.flush()  # an event is stored before it is sent, so that a kill cannot undo it
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature_header(payload, endpoint["_secret"], int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        started, resets = time.monotonic(), self._store.resets
        code, error = None, None
        try:
            code = (
                await client.post(endpoint["url"], content=payload, headers=headers)
            ).status_code
        except Exception as failure:  # noqa: BLE001 - a URL can break the client itself, and the other deliveries must go on
            error = f"{type(failure).__name__}: {failure}"[:200]
        if self._store.resets != resets:
            return  # after a reset with the same seed, another delivery may have this id
        with self._store.work() as work:
            record_attempt(
                work, delivery_id, code=code, error=error, seconds=time.monotonic() - started
            )

    def _set_out(self, delivery: str, faults: set[str]) -> None:
        self._count(1)
        loop = asyncio.get_running_loop()
        if "delay" in faults:
            loop.call_later(
                self._chaos.settings.webhooks.delay_seconds, self._queue.put_nowait, delivery
            )
        elif "reorder" in faults:
            self._overtaken.append(delivery)
            loop.call_later(REORDER_SECONDS, self._release)
        else:
            self._queue.put_nowait(delivery)
            self._release()

    def _release(self) -> None:
        for delivery in self._overtaken:
            self._queue.put_nowait(delivery)
        self._overtaken.clear()

    def _drop(self, delivery_id: str) -> None:
        with self._store.work() as work:
            if delivery := work.find("_delivery", delivery_id):
                work.put(delivery | {"status": "dropped"})

    def _count(self, change: int) -> None:
        self._open += change
        if self._open:
            self._idle.clear()
        else:
            self._idle.set()


def _payload(event: Object) -> bytes:
    """Return the body of the request, with the same indentation as Stripe's.

    A receiver must verify the signature of exactly these bytes. If it encodes the JSON
    again before that, it fails here as it would with Stripe.
    """
    return json.dumps(public_object(event), indent=2, ensure_ascii=False).encode()
