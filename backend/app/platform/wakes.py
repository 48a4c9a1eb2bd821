"""Wakes the worker of this process when there is something new to do, as soon as others can see it."""

from threading import Condition

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction


class Bell:
    """Wakes every thread that waits for it, and none misses a ring.

    With an event that each thread clears before it looks for work, one would clear what another has yet to hear.
    """

    def __init__(self) -> None:
        self._rung = Condition()
        self.rings = 0

    def ring(self) -> None:
        with self._rung:
            self.rings += 1
            self._rung.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Wait for a ring after the first `heard` ones, at most so long."""
        with self._rung:
            self._rung.wait_for(lambda: self.rings != heard, seconds)


mail_bell = Bell()
job_bell = Bell()  # for jobs that were asked for
recurring_bell = Bell()
outside_bell = Bell()  # for jobs that call outside

_BELLS = "bells to ring"


def ring_after(db: Session, bell: Bell) -> None:
    """Ring when the transaction of `db` has ended. After a roll-back the worker looks once in vain."""
    db.info.setdefault(_BELLS, set()).add(bell)


@event.listens_for(Session, "after_transaction_end")
def _ring(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:  # a savepoint that ends shows nothing to others yet
        for bell in db.info.pop(_BELLS, ()):
            bell.ring()
