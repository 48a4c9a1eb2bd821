"""Bells that wake workers as soon as new work is committed.

A bell wakes the threads of this process and, if there is a broker, the Celery workers.
"""

from threading import Condition

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from app.platform.handover.messenger import tell_workers


class Bell:
    """A bell that wakes every thread that waits for it. No thread misses a ring.

    A `threading.Event` would not be enough. A thread would clear the event before
    looking for work, and could thereby clear a ring that another thread has not noticed
    yet.

    `queue` is the queue at the broker with messages about the same work.
    """

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self._rung = Condition()
        self.rings = 0

    def ring(self) -> None:
        with self._rung:
            self.rings += 1
            self._rung.notify_all()
        tell_workers(self.queue)

    def wait(self, heard: int, seconds: float) -> None:
        """Wait at most `seconds`, until the bell has rung more than `heard` times."""
        with self._rung:
            self._rung.wait_for(lambda: self.rings != heard, seconds)


mail_bell = Bell("mail")
job_bell = Bell("asked")  # rings for jobs that a request or an operator queued
recurring_bell = Bell("recurring")
outside_bell = Bell("outside")  # rings for jobs that call outside services

_BELLS = "bells to ring"


def ring_after(db: Session, bell: Bell) -> None:
    """Ring the bell when the transaction of `db` has ended.

    After a rollback, the worker looks for work once and finds nothing.
    """
    db.info.setdefault(_BELLS, set()).add(bell)


@event.listens_for(Session, "after_transaction_end")
def _ring(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:  # work is visible only once the outermost transaction ends
        for bell in db.info.pop(_BELLS, ()):
            bell.ring()
