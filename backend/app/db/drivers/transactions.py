"""Begins a transaction with the first statement that needs one.

Without a transaction, the server commits each statement of a connection separately. So
a request that only reads sends only its queries, without `BEGIN` and `COMMIT`. Even in
a transaction, all three databases would show the newest rows to each statement, because
we use read committed.

A `GET` may still write, for example a counter of views. Its first statement that is not
a plain query begins the transaction, which then ends like any other transaction. So the
driver decides, and no feature has to.
"""

import math
import re
from functools import lru_cache

QUERY = re.compile(r"\s*(?:SELECT|WITH|VALUES|SHOW|TABLE)\b", re.IGNORECASE)
# A word inside a string literal may match, too. Then a transaction is begun without
# need. A database function that writes cannot be recognised. Its writes are committed
# with the statement.
EFFECT = re.compile(
    r"\b(?:FOR|INTO|INSERT|UPDATE|DELETE|MERGE|NEXTVAL|SETVAL|SET_CONFIG|\w*LOCK)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def only_reads(statement: str) -> bool:
    """Return whether a statement neither writes nor takes a lock that must last."""
    return bool(QUERY.match(statement)) and not EFFECT.search(statement)


class Transactional:
    """The state of a connection: whether the next statement begins a transaction."""

    automatic = False  # autocommit: the caller wants no transactions at all
    rested_at = -math.inf  # time.monotonic() when the pool got it back
    _reading = False
    _due = False

    def enter(self, *, reading: bool) -> None:
        """Prepare a transaction, which begins with the next statement that needs it.

        If the caller is `reading`, plain queries need no transaction. Otherwise every
        statement needs one.
        """
        self._reading = reading and not self.automatic
        self._due = not reading and not self.automatic

    @property
    def has_only_read(self) -> bool:
        """Return whether there is no transaction, because nothing needed one."""
        return self._reading

    def begins_with(self, statement: str) -> bool:
        """Return whether the transaction must begin before this statement.

        The result is true at most once.
        """
        if self._due or (self._reading and not only_reads(statement)):
            self._due = self._reading = False
            return True
        return False

    def ended(self) -> None:
        self._due = self._reading = False
