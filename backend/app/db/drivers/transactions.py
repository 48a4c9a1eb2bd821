"""Begins a transaction with the first statement that needs one.

Without a transaction, the server commits each statement of a connection separately. So
a request that only reads sends only its queries, without `BEGIN` and `COMMIT`. A
transaction would not make these queries more consistent: under read committed, which we
use, each statement sees the newest rows anyway.

A `GET` may still write, for example to count a view. Its first statement that is not a
plain query begins the transaction, which then ends like any other transaction. So the
driver decides when a transaction begins, and features do not have to.
"""

import math
import re
import time
from functools import lru_cache

QUERY = re.compile(r"\s*(?:SELECT|WITH|VALUES|SHOW|TABLE)\b", re.IGNORECASE)
# If one of the words in `EFFECT` occurs in a string literal, an unnecessary transaction
# begins. A call of a database function that writes is not recognised. The changes of
# such a function are committed with the statement.
EFFECT = re.compile(
    r"\b(?:FOR|INTO|INSERT|UPDATE|DELETE|MERGE|NEXTVAL|SETVAL|SET_CONFIG|\w*LOCK)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def only_reads(statement: str) -> bool:
    """Return whether a statement neither writes nor takes a lock that outlasts it."""
    return bool(QUERY.match(statement)) and not EFFECT.search(statement)


class Transactional:
    """The state of a connection: whether the next statement begins a transaction."""

    automatic = False  # true in autocommit mode: the caller wants no transactions at all
    rested_at = -math.inf  # time.monotonic() when the connection returned to the pool
    _in_use = False
    _reading = False
    _due = False

    def enter(self) -> None:
        """Let the next statement begin a transaction.

        The same applies to the next statement after the end of each transaction.
        """
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
