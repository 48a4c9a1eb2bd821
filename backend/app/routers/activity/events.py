"""An event of a timeline, and the interface of the stores that keep timelines."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from app.platform.activity import Kind

KEPT = timedelta(days=400)
"""How long an event stays in a timeline."""

WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Event:
    id: int
    user_id: int
    kind: str
    summary: str
    data: Mapping[str, Any]
    created_at: datetime

    @classmethod
    def of(cls, row: Any) -> "Event":
        """Return an event from a row of the outbox or of the table of timelines.

        The time is cut to milliseconds, because MongoDB stores only milliseconds.
        """
        at = row.created_at
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        return cls(row.id, row.user_id, row.kind, row.summary, row.data, at)


@dataclass(frozen=True)
class Wanted:
    """A filter for the events of a timeline.

    `words` are the words of a search, and an event must contain all of them. Events
    match only if their id is less than `before`.
    """

    kind: Kind | None = None
    words: Sequence[str] | None = None
    before: int | None = None

    def matches(self, event: Event) -> bool:
        return (
            (self.kind is None or event.kind == self.kind)
            and (self.before is None or event.id < self.before)
            and (self.words is None or self._has_words(event))
        )

    def _has_words(self, event: Event) -> bool:
        return bool(self.words) and set(self.words or ()) <= set(words_of(event.summary))


Counts = dict[tuple[date, str], int]
"""The number of events per UTC day and kind."""


class Store(Protocol):
    """Keeps timelines."""

    def add(self, events: Sequence[Event]) -> None:
        """Append events. An event that is already stored does not change."""

    def newest(self, user_id: int, wanted: Wanted, limit: int) -> list[Event]:
        """Return a user's newest events that match `wanted`, newest first."""

    def counts(self, user_id: int, since: datetime, without: Collection[int]) -> Counts:
        """Count events since this time, except events whose id is in `without`."""

    def erase(self, user_id: int) -> bool:
        """Erase the events of a user. Return whether all of them are erased."""


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case and without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return WORD.findall("".join(one for one in plain if not unicodedata.combining(one)))
