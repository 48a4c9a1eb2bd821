"""A limit on how many requests call Stripe at the same time.

Further requests wait without holding a thread or a database connection. The limit is
far below the number of connections, so other routes stay fast while Stripe does not
respond.
"""

from collections.abc import AsyncIterator

from app.core.admission import Admission
from app.core.config import get_settings
from app.db.database import admission

from . import PaymentsOff, PaymentsUnavailable

calls = Admission(max(2, admission.slots // 4), timeout=5, refusal=PaymentsUnavailable)


async def stripe_turn() -> AsyncIterator[None]:
    """Wait for a turn to call Stripe.

    Raises `PaymentsOff`, and `PaymentsUnavailable` if the wait takes too long.
    """
    if not get_settings().payments_enabled:
        raise PaymentsOff
    async with calls.slot():
        yield
