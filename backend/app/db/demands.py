"""Conditions that must hold in each transaction of a request.

A request releases its locks when it commits its Idempotency-Key, and when it commits a
step before calling an outside service. The user of the request may be deleted, disabled
or demoted before the next transaction begins. So the code that authorises a request
registers a check here. Code that ends a transaction in the middle of a request runs all
checks again before the next change.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

_DEMANDS = "what must hold"


def keep_demanding(db: Session, check: Callable[[], object]) -> None:
    """Register `check`, which each call of `demand_again` repeats.

    The caller has already run the check once. The check raises an error if the request
    must not continue.
    """
    db.info.setdefault(_DEMANDS, []).append(check)


def demand_again(db: Session) -> None:
    """Run every registered check again, in the current transaction.

    Raises the errors of the checks.
    """
    for check in db.info.get(_DEMANDS, ()):
        check()
