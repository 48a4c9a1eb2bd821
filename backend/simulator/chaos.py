"""Deliberate faults of API calls and webhooks.

Faults happen at random, or to the next calls that match a rule.
"""

import asyncio
import random
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=600)]
Fault = Literal["error", "rate_limit", "slow", "lost"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CallChaos(_Model):
    """The probability of each fault of a call.

    A call may fail with 500 or 429 before it has any effect, or it may be slow. The
    response may also be lost after the call took effect.
    """

    error: Probability = 0
    rate_limit: Probability = 0
    lost: Probability = 0
    slow: Probability = 0
    slow_seconds: Seconds = 5


class WebhookChaos(_Model):
    """The probability of each fault of a webhook.

    An event may be sent twice, after the next event, late (in real time), or never.
    """

    duplicate: Probability = 0
    reorder: Probability = 0
    delay: Probability = 0
    delay_seconds: Seconds = 2
    drop: Probability = 0


class Planned(_Model):
    """A fault that happens to the next `times` calls that match `method` and `path`.

    `path` may contain `*`, as in `/v1/customers/*`.
    """

    fault: Fault
    method: Literal["GET", "POST", "DELETE", "*"] = "*"
    path: str = "*"
    times: Annotated[int, Field(ge=1)] = 1
    seconds: Seconds = 5


class ChaosSettings(_Model):
    seed: int = 0
    calls: CallChaos = Field(default_factory=CallChaos)
    webhooks: WebhookChaos = Field(default_factory=WebhookChaos)
    next: list[Planned] = Field(default_factory=list)


class Strike(BaseModel):
    """The fault of one call. The call waits for `seconds`, and then `fault` happens."""

    fault: Fault | None = None
    seconds: float = 0


class Chaos:
    """Decides which faults each call and each webhook gets.

    There are no faults until `configure` is called with probabilities or rules. The
    same seed gives the same faults.
    """

    def __init__(self) -> None:
        self._replaced = asyncio.Event()
        self.configure(ChaosSettings())

    def configure(self, settings: ChaosSettings) -> None:
        """Replace the settings.

        Calls that are still waiting because of the old settings continue immediately.
        """
        self._replaced.set()
        self._replaced = asyncio.Event()
        self.settings = settings.model_copy(deep=True)
        self._calls = random.Random(f"calls {settings.seed}")  # noqa: S311 - reproducible on purpose
        self._webhooks = random.Random(f"webhooks {settings.seed}")  # noqa: S311 - as above

    def strike(self, method: str, path: str) -> Strike:
        for planned in self.settings.next:
            if planned.method in ("*", method) and fnmatchcase(path, planned.path):
                planned.times -= 1
                if not planned.times:
                    self.settings.next.remove(planned)
                return _strike(planned.fault, planned.seconds)
        return self._chance()

    async def slow_down(self, strike: Strike) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(strike.seconds):
                await self._replaced.wait()

    def webhook_faults(self) -> set[str]:
        """Choose the faults of one delivery at random, from `names`."""
        chances = self.settings.webhooks
        names = ("duplicate", "reorder", "delay", "drop")
        return {name for name in names if self._webhooks.random() < getattr(chances, name)}

    def _chance(self) -> Strike:
        chances = self.settings.calls
        seconds = chances.slow_seconds if self._calls.random() < chances.slow else 0
        names: tuple[Fault, ...] = ("error", "rate_limit", "lost")
        fault = next(
            (name for name in names if self._calls.random() < getattr(chances, name)), None
        )
        return Strike(fault=fault, seconds=seconds)


def _strike(fault: Fault, seconds: float) -> Strike:
    return Strike(seconds=seconds) if fault == "slow" else Strike(fault=fault)
