"""So many requests wait for Stripe at once, and no more: the others wait for their turn without thread or connection.

They stay few beside the connections that there are, so the other routes are quick while Stripe hangs.
"""

from collections.abc import AsyncIterator

from app.core.admission import Admission
from app.core.config import get_settings
from app.db.database import admission

from .gateway import PaymentsOff, PaymentsUnavailable

calls = Admission(max(2, admission.slots // 4), timeout=5, refusal=PaymentsUnavailable)


async def stripe_turn() -> AsyncIterator[None]:
    """Raises `PaymentsOff`, and `PaymentsUnavailable` to those who have waited for too long."""
    if not get_settings().payments_enabled:
        raise PaymentsOff
    async with calls.slot():
        yield
