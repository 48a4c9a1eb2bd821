"""Turns to call Stripe. Only so many requests wait for Stripe at once.

The rest wait for their turn without a thread or a connection. There are few turns
compared with the connections, so the other routes stay quick while Stripe hangs.
"""

from collections.abc import AsyncIterator

from app.core.admission import Admission
from app.core.config import get_settings
from app.db.database import admission

from . import PaymentsOff, PaymentsUnavailable

calls = Admission(max(2, admission.slots // 4), timeout=5, refusal=PaymentsUnavailable)


async def stripe_turn() -> AsyncIterator[None]:
    """Wait for a turn. Raises `PaymentsOff`, and `PaymentsUnavailable` after too long a
    wait.
    """
    if not get_settings().payments_enabled:
        raise PaymentsOff
    async with calls.slot():
        yield
