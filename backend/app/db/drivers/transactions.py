"""Begins a transaction with the first statement that needs one.

A connection commits each statement by itself until it is told otherwise. So a request
that only reads sends nothing but its queries: no `BEGIN` before them, and no `COMMIT`
after them. All three databases would show each of its statements the newest rows
anyway, because we use read committed.

A request that reads may still write, a counter of views for example. Its first
statement that is not a plain query begins the transaction, which ends as any other
does. So the driver decides, and no feature has to.
"""

import re
from functools import lru_cache

QUERY = re.compile(r"\s*(?:SELECT|WITH|VALUES|SHOW|TABLE)\b", re.IGNORECASE)
# A word in a text of the statement may match, too. That costs a transaction, and is
# correct. A function of the database that writes cannot be recognised: it commits by
# itself.
EFFECT = re.compile(
    r"\b(?:FOR|INTO|INSERT|UPDATE|DELETE|MERGE|NEXTVAL|SETVAL|SET_CONFIG|\w*LOCK)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def only_reads(statement: str) -> bool:
    """Whether a statement neither writes nor takes a lock that must last."""
    return bool(QUERY.match(statement)) and not EFFECT.search(statement)


class Transactional:
    """The state of a connection: whether the next statement begins a transaction."""

    automatic = False  # the user of the connection asked for no transactions at all
    _reading = False
    _due = False

    def enter(self, *, reading: bool) -> None:
        """Begin a transaction with the next statement, or with the first one that needs
        it if the caller is `reading`.
        """
        self._reading = reading and not self.automatic
        self._due = not reading and not self.automatic

    def begins_with(self, statement: str) -> bool:
        """Whether the transaction must begin before this statement. The answer is yes
        at most once.
        """
        if self._due or (self._reading and not only_reads(statement)):
            self._due = self._reading = False
            return True
        return False

    def ended(self) -> None:
        self._due = self._reading = False
