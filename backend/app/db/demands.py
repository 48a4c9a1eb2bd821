"""Conditions under which a request was allowed, and which must hold in each of its
transactions.

A request that commits its Idempotency-Key gives up all its locks, and so does one that
ends its transaction before it waits for an outside service. Its user may be deleted,
disabled or demoted before the next transaction begins. So the code that allows a
request registers a check. The code that ended a transaction runs the checks again
before the next effect.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

_DEMANDS = "what must hold"


def keep_demanding(db: Session, check: Callable[[], object]) -> None:
    """Run `check` with each `demand_again`.

    The caller has already run it once. It raises an error if the request must not
    continue.
    """
    db.info.setdefault(_DEMANDS, []).append(check)


def demand_again(db: Session) -> None:
    """Run every check again, in the current transaction of `db`. Raises what the checks
    raise.
    """
    for check in db.info.get(_DEMANDS, ()):
        check()
