"""The simulated time: real time plus an offset, or a time that stands still."""

import time


class Clock:
    def __init__(self, offset: int = 0, frozen: int | None = None) -> None:
        self.offset = offset
        self.frozen = frozen

    def now(self) -> int:
        """Return seconds since 1970, as Stripe does."""
        return self.frozen if self.frozen is not None else int(time.time()) + self.offset

    def move_to(self, moment: int) -> None:
        """Move the clock to this time, but never back."""
        ahead = moment - self.now()
        if ahead <= 0:
            return
        if self.frozen is not None:
            self.frozen = moment
        else:
            self.offset += ahead

    def freeze(self, moment: int | None = None) -> None:
        self.frozen = moment if moment is not None else self.now()
