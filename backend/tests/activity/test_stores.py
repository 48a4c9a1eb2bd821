"""Both stores of timelines, a table and MongoDB, pass the same tests."""

from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import PyMongoError
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from app import cli
from app.db.documents import close_documents, open_documents
from app.platform.activity import Kind
from app.routers.activity import moving
from app.routers.activity.documents import COLLECTION
from app.routers.activity.events import KEPT, Event, Wanted
from app.routers.activity.models import Activity
from app.routers.activity.sql_store import SqlStore
from tests.activity.steps import record
from tests.auth.factories import make_user

TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=123_000)
ADA, BOB = 1, 2
ALL = Wanted()


def event(number, user_id=ADA, kind=Kind.POST, summary="The post “Plums” was published.", ago=0):
    at = TODAY - timedelta(days=ago)
    return Event(number, user_id, kind.value, summary, {"event": "tested", "post_id": 7}, at)


def ids(events):
    return [one.id for one in events]


def test_events_come_back_as_they_were(store):
    store.add([event(1)])
    assert store.newest(ADA, ALL, 10) == [event(1)]
    assert store.newest(ADA, ALL, 10)[0].created_at.tzinfo is not None


def test_many_events_are_added_at_once(store):
    store.add([event(number, user_id=number % 2 + 1) for number in range(1, 501)])
    assert ids(store.newest(ADA, ALL, 3)) == [500, 498, 496]
    assert len(store.newest(BOB, ALL, 500)) == 250


def test_an_event_is_added_once(store):
    store.add([event(1), event(2)])
    store.add([event(2, summary="Something else."), event(3)])
    assert ids(store.newest(ADA, ALL, 10)) == [3, 2, 1]
    assert store.newest(ADA, ALL, 10)[1] == event(2)


def test_pages_follow_each_other(store):
    store.add([event(number) for number in (5, 1, 4, 2, 3)])
    assert ids(store.newest(ADA, Wanted(before=4), 2)) == [3, 2]
    assert ids(store.newest(ADA, Wanted(before=1), 2)) == []


def test_events_are_selected_by_kind_and_words(store):
    store.add(
        [
            event(1, summary="The post “Plum dumplings” was published."),
            event(2, kind=Kind.PAYMENT, summary="Dumplings, and plums."),
            event(3, summary="The post “Plum” was deleted."),
            event(4, user_id=BOB, summary="The post “Plum dumplings” was published."),
        ]
    )
    for words, found in (
        (["dumplings"], [2, 1]),
        (["plum"], [3, 1]),
        (["published", "plum"], [1]),
        (["dumpling"], []),
        (["post", "absent"], []),
        ([], []),
    ):
        assert ids(store.newest(ADA, Wanted(words=words), 10)) == found, words
    assert ids(store.newest(ADA, Wanted(Kind.PAYMENT, ["dumplings"]), 10)) == [2]
    assert ids(store.newest(ADA, Wanted(Kind.POST, ["plum"], before=3), 10)) == [1]
    assert ids(store.newest(ADA, Wanted(Kind.POST), 1)) == [3]


def test_counts_are_aggregated_by_day_and_kind(store):
    store.add(
        [
            event(1),
            event(2),
            event(3, kind=Kind.SIGN_IN),
            event(4, ago=1),
            event(5, ago=9),
            event(6, user_id=BOB),
        ]
    )
    since = TODAY - timedelta(days=2)
    day = TODAY.date()
    yesterday = day - timedelta(days=1)
    assert store.counts(ADA, since, []) == {
        (day, "post"): 2,
        (day, "sign_in"): 1,
        (yesterday, "post"): 1,
    }
    assert store.counts(ADA, since, [1, 2, 3, 99]) == {(yesterday, "post"): 1}


def test_a_timeline_is_erased_alone(store):
    store.add([event(1), event(2), event(3, user_id=BOB)])
    assert store.erase(ADA)
    assert store.erase(ADA)
    assert store.newest(ADA, ALL, 10) == []
    assert ids(store.newest(BOB, ALL, 10)) == [3]


def test_the_database_refuses_the_same_event_twice(store, db):
    store.add([event(1)])
    if isinstance(store, SqlStore):
        row = {"id": 1, "user_id": ADA, "kind": "post", "summary": "", "words": "", "data": {}}
        with pytest.raises(IntegrityError):
            db.execute(insert(Activity), [row | {"created_at": TODAY}])
    else:
        with pytest.raises(PyMongoError, match=r"(?i)unique|duplicate"):
            open_documents()[COLLECTION].insert_one({"event_id": 1})


def test_waiting_events_move_to_the_store(store, db, monkeypatch):
    monkeypatch.setattr(moving, "BUDGET", 60)  # a busy machine needs longer for two batches
    user = make_user()
    record(user, *(f"Event {number}." for number in range(moving.BATCH + 1)))
    assert moving.move_events()
    assert len(store.newest(user.id, ALL, 1_000)) == moving.BATCH + 1


def test_a_command_creates_the_indexes(documents_url):
    first = CliRunner().invoke(cli.cli, ["documents-indexes"])
    assert first.exit_code == 0, first.output
    assert "activities: event_id_1, " in first.output
    again = CliRunner().invoke(cli.cli, ["documents-indexes"])
    assert again.output == first.output
    indexes = open_documents()[COLLECTION].index_information().values()
    keys = [[name for name, _ in index["key"]] for index in indexes]
    assert ["user_id", "kind", "event_id"] in keys
    assert [index["key"][0][0] for index in indexes if index.get("unique")] == ["event_id"]
    lives = [index["expireAfterSeconds"] for index in indexes if "expireAfterSeconds" in index]
    assert lives == [KEPT.total_seconds()]


def test_the_command_needs_a_server(settings):
    settings(MONGODB_URL="")
    close_documents()
    assert "MONGODB_URL is not set" in CliRunner().invoke(cli.cli, ["documents-indexes"]).output
    settings(MONGODB_URL="mongodb://127.0.0.1:9/x", DATABASE_POOL_TIMEOUT="0.2")
    refused = CliRunner().invoke(cli.cli, ["documents-indexes"])
    close_documents()
    assert refused.exit_code == 1
    assert "could not be created" in refused.output
