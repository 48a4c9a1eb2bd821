"""Wakes the worker of this process when there is something new to do, as soon as others can see it."""

from threading import Event

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

mail_bell = Event()
job_bell = Event()  # for jobs that were asked for
recurring_bell = Event()
outside_bell = Event()  # for jobs that call outside

_BELLS = "bells to ring"


def ring_after(db: Session, bell: Event) -> None:
    """Ring when the transaction of `db` has ended. After a roll-back the worker looks once in vain."""
    db.info.setdefault(_BELLS, set()).add(bell)


@event.listens_for(Session, "after_transaction_end")
def _ring(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:  # a savepoint that ends shows nothing to others yet
        for bell in db.info.pop(_BELLS, ()):
            bell.set()
