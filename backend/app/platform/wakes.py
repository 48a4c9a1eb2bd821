"""Wakes the worker of this process when there is new work, as soon as the work is
visible to it.
"""

from threading import Condition

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction


class Bell:
    """Wakes every thread that waits for it. No thread misses a ring.

    With an event that each thread clears before it looks for work, one thread could
    clear a ring that another has not noticed yet.
    """

    def __init__(self) -> None:
        self._rung = Condition()
        self.rings = 0

    def ring(self) -> None:
        with self._rung:
            self.rings += 1
            self._rung.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Wait for a ring after the first `heard` ones, for at most `seconds`."""
        with self._rung:
            self._rung.wait_for(lambda: self.rings != heard, seconds)


mail_bell = Bell()
job_bell = Bell()  # for jobs that were requested
recurring_bell = Bell()
outside_bell = Bell()  # for jobs that call outside services

_BELLS = "bells to ring"


def ring_after(db: Session, bell: Bell) -> None:
    """Ring when the transaction of `db` has ended. After a rollback, the worker looks
    once in vain.
    """
    db.info.setdefault(_BELLS, set()).add(bell)


@event.listens_for(Session, "after_transaction_end")
def _ring(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:  # a savepoint that ends makes nothing visible yet
        for bell in db.info.pop(_BELLS, ()):
            bell.ring()
