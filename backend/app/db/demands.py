"""What a request was allowed for must still hold in each of its transactions.

A request that commits its Idempotency-Key, or that ends its transaction before it waits for another service, gives up
every lock that it had. Its user may be deleted, disabled or demoted before the next transaction begins. So whoever
allowed the request says what must hold, and whoever ended a transaction asks for it again before the next effect.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

_DEMANDS = "what must hold"


def keep_demanding(db: Session, check: Callable[[], object]) -> None:
    """Run `check` with each `demand_again`. It raises where the request may not go on, and has been run once."""
    db.info.setdefault(_DEMANDS, []).append(check)


def demand_again(db: Session) -> None:
    """Run every check once more, in the transaction that `db` is in now. Raises what they raise."""
    for check in db.info.get(_DEMANDS, ()):
        check()
