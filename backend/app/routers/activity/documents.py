"""Timelines in MongoDB, one document for each event.

An event is found by `event_id`, the id of its entry in the outbox, and not by `_id`.
Because `event_id` has a unique index, adding an event twice does no harm.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.db.documents import Documents, make_indexes

from .events import KEPT, Counts, Event, Wanted, words_of

if TYPE_CHECKING:
    from pymongo import IndexModel

COLLECTION = "activities"
ERASE_SECONDS = 60.0  # time to erase one user's events; after a timeout, the job is retried


def indexes() -> "dict[str, list[IndexModel]]":
    """Return the indexes of the collection, for `python -m app.cli documents-indexes`.

    MongoDB itself deletes events once they are older than `KEPT`. In the index of
    words, the user comes first, so that a search reads only one timeline. The words are
    already folded, and may be in any language, so MongoDB must not treat them as
    English.
    """
    from pymongo import IndexModel

    return {
        COLLECTION: [
            IndexModel([("event_id", 1)], unique=True),
            IndexModel([("user_id", 1), ("event_id", -1)]),
            IndexModel([("user_id", 1), ("kind", 1), ("event_id", -1)]),
            IndexModel([("user_id", 1), ("created_at", 1), ("kind", 1)]),
            IndexModel([("user_id", 1), ("words", "text")], default_language="none"),
            IndexModel([("created_at", 1)], expireAfterSeconds=int(KEPT.total_seconds())),
        ]
    }


class DocumentStore:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._events = documents[COLLECTION]

    def add(self, events: Sequence[Event]) -> None:
        from pymongo import UpdateOne

        index_once(self._documents.client)
        self._events.bulk_write(
            [
                UpdateOne({"event_id": event.id}, {"$setOnInsert": _fields(event)}, upsert=True)
                for event in events
            ],
            ordered=False,
        )

    def newest(self, user_id: int, wanted: Wanted, limit: int) -> list[Event]:
        if wanted.words is not None and not wanted.words:
            return []
        found = self._events.find(_conditions(user_id, wanted), {"_id": 0, "words": 0})
        return [_event(document) for document in found.sort("event_id", -1).limit(limit)]

    def counts(self, user_id: int, since: datetime, without: Collection[int]) -> Counts:
        """Count the events with an aggregation pipeline.

        The key of a group is a string: the day (`%Y-%m-%d`), a space, and the kind.
        """
        day = {"$dateToString": {"format": "%Y-%m-%d", "date": "$created_at"}}
        counted = self._events.aggregate(
            [
                {
                    "$match": {
                        "user_id": user_id,
                        "created_at": {"$gte": since},
                        "event_id": {"$nin": list(without)},
                    }
                },
                {"$group": {"_id": {"$concat": [day, " ", "$kind"]}, "count": {"$sum": 1}}},
            ]
        )
        groups = ((*str(group["_id"]).split(" ", 1), group["count"]) for group in counted)
        return {(date.fromisoformat(on), kind): count for on, kind, count in groups}

    def erase(self, user_id: int) -> bool:
        import pymongo

        with pymongo.timeout(ERASE_SECONDS):
            self._events.delete_many({"user_id": user_id})
        return True


@lru_cache(maxsize=1)
def index_once(_client: object) -> None:
    """Create the indexes before this process first adds an event.

    The deployment may have forgotten the command that creates the indexes. Without the
    unique index on `event_id`, an event could be added twice.
    """
    make_indexes(indexes())


def _fields(event: Event) -> dict[str, Any]:
    """Return the fields of an event, except `event_id`, which the upsert fills in."""
    return {
        "user_id": event.user_id,
        "kind": event.kind,
        "summary": event.summary,
        "words": " ".join(words_of(event.summary)),
        "data": dict(event.data),
        "created_at": event.created_at,
    }


def _event(document: Mapping[str, Any]) -> Event:
    fields = dict(document)
    return Event(id=fields.pop("event_id"), **fields)


def _conditions(user_id: int, wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {"user_id": user_id}
    if wanted.kind is not None:
        found["kind"] = wanted.kind.value
    if wanted.before is not None:
        found["event_id"] = {"$lt": wanted.before}
    if wanted.words is not None:
        # Without quotation marks, MongoDB would find events with any of the words.
        found["$text"] = {"$search": " ".join(f'"{word}"' for word in wanted.words)}
    return found
