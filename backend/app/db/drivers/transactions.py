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
import time
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
    _in_use = False
    _reading = False
    _due = False

    def enter(self) -> None:
        """Let the next statement begin a transaction, also after the end of one."""
        self._in_use = self._due = True

    def read(self) -> None:
        """Let plain queries run without a transaction, unless one has begun."""
        if self._due:
            self._due, self._reading = False, True

    def begun(self) -> None:
        """Note that the caller begins a transaction itself, or ends one."""
        self._reading = self._due = False

    def rest(self) -> None:
        """Begin no transaction until the next `enter`."""
        self._in_use = self._reading = self._due = False
        self.rested_at = time.monotonic()

    @property
    def has_only_read(self) -> bool:
        """Return whether there is no transaction, because nothing needed one."""
        return self._reading

    def begins_with(self, statement: str) -> bool:
        """Return whether the transaction must begin before this statement.

        The result is true at most once in each transaction.
        """
        if self.automatic or not (self._due or (self._reading and not only_reads(statement))):
            return False
        self._due = self._reading = False
        return True

    def ended(self) -> None:
        self._reading = False
        self._due = self._in_use
