"""Bells that wake the worker of this process as soon as new work is committed."""

from threading import Condition

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction


class Bell:
    """A bell that wakes every thread that waits for it. No thread misses a ring.

    A `threading.Event` would not be enough. Each thread clears it before looking for
    work, so one thread could clear a ring that another has not noticed yet.
    """

    def __init__(self) -> None:
        self._rung = Condition()
        self.rings = 0

    def ring(self) -> None:
        with self._rung:
            self.rings += 1
            self._rung.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Wait at most `seconds` for a ring after the first `heard` rings."""
        with self._rung:
            self._rung.wait_for(lambda: self.rings != heard, seconds)


mail_bell = Bell()
job_bell = Bell()  # for jobs that a request or an operator queued
recurring_bell = Bell()
outside_bell = Bell()  # for jobs that call outside services

_BELLS = "bells to ring"


def ring_after(db: Session, bell: Bell) -> None:
    """Ring the bell when the transaction of `db` has ended.

    After a rollback, the worker looks for work once and finds none.
    """
    db.info.setdefault(_BELLS, set()).add(bell)


@event.listens_for(Session, "after_transaction_end")
def _ring(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:  # work is visible only once the outermost transaction ends
        for bell in db.info.pop(_BELLS, ()):
            bell.ring()
