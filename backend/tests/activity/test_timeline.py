"""A user's timeline shows their own events to them alone, newest first."""

from datetime import datetime, timedelta

import pytest

from app.platform.activity import Kind
from app.platform.models import ActivityEntry
from app.routers.activity.events import Event
from tests.activity.steps import record, recorded, summaries
from tests.auth.factories import make_user


@pytest.fixture
def user(client, db, login, store):
    """The caller, whose timeline is empty at first. Each test runs once with each
    store.
    """
    user = login(make_user())
    db.query(ActivityEntry).delete()
    return user


def test_the_newest_event_comes_first(client, user):
    recorded(user, "One happened.", "Two happened.")
    record(user, "Three happened.")
    page = client.get("/activity")
    assert summaries(page) == ["Three happened.", "Two happened.", "One happened."]
    first = page.json()["items"][0]
    assert first.keys() == {"id", "kind", "summary", "data", "created_at"}
    assert (first["kind"], first["data"]) == ("post", {"event": "tested"})
    assert first["created_at"].endswith("Z")
    assert page.headers["Cache-Control"] == "no-store"


def test_an_event_is_seen_before_and_after_it_moves(client, user):
    record(user, "One happened.")
    waiting = client.get("/activity").json()
    assert summaries(client.get("/activity")) == ["One happened."]
    recorded(user)
    assert client.get("/activity").json() == waiting


def test_a_cursor_leads_through_waiting_and_moved_events(client, user):
    recorded(user, "1", "2", "3")
    record(user, "4", "5")
    seen, cursor = [], None
    for _ in range(3):
        page = client.get(
            "/activity", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        )
        seen += summaries(page)
        cursor = page.json()["next_cursor"]
    assert (seen, cursor) == (["5", "4", "3", "2", "1"], None)


def test_a_cursor_of_another_list_is_refused(client, user):
    recorded(user, "1", "2")
    cursor = client.get("/activity?limit=1").json()["next_cursor"]
    answer = client.get("/activity", params={"cursor": cursor, "kind": "post"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("query", ["offset=1", "limit=101", "kind=like", f"q={'x' * 201}"])
def test_a_wrong_query_is_refused(client, user, query):
    assert client.get(f"/activity?{query}").status_code == 422


def test_events_are_filtered_by_kind(client, user):
    recorded(user, "A post.")
    record(user, "A sign-in.", kind=Kind.SIGN_IN)
    recorded(user, "A payment.", kind=Kind.PAYMENT)
    assert summaries(client.get("/activity?kind=post")) == ["A post."]
    record(user, "Another payment.", kind=Kind.PAYMENT)
    assert summaries(client.get("/activity?kind=payment")) == ["Another payment.", "A payment."]


@pytest.mark.parametrize("q", ["zwetschgenknodel", "ZWETSCHGENKNÖDEL the", "“Zwetschgenknödel”"])
@pytest.mark.parametrize("put", [record, recorded])
def test_a_search_finds_whole_words_in_any_spelling(client, user, put, q):
    put(user, "The post “Zwetschgenknödel” was published.", "The post “Plums” was published.")
    assert summaries(client.get("/activity", params={"q": q})) == [
        "The post “Zwetschgenknödel” was published."
    ]


@pytest.mark.parametrize("q", ["plum", "%", "_", "\\", "'", "plums dumplings"])
@pytest.mark.parametrize("put", [record, recorded])
def test_other_searches_find_nothing(client, user, put, q):
    put(user, "The post “Plums” was published.")
    assert summaries(client.get("/activity", params={"q": q})) == []


def test_an_empty_search_is_no_search(client, user):
    recorded(user, "The post “Plums” was published.")
    assert len(summaries(client.get("/activity?q="))) == 1


def test_nobody_sees_the_timeline_of_another_user(client, user, login):
    recorded(user, "Mine.")
    record(user, "Mine, too.")
    login(make_user())
    assert summaries(client.get("/activity?kind=post")) == []
    assert [one for one in client.get("/activity/counts").json() if one["kind"] == "post"] == []


@pytest.mark.parametrize("path", ["/activity", "/activity/counts"])
def test_a_timeline_needs_a_signed_in_user(client, db, path):
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]


def test_events_are_counted_by_day_and_kind(client, db, user, store):
    recorded(user, "1", "2")
    at = client.get("/activity").json()["items"][0]["created_at"]
    midnight = datetime.fromisoformat(at).replace(hour=0, minute=0, second=0)
    for number, before in ((7001, timedelta(seconds=1)), (7002, timedelta(days=2))):
        event = Event(number, user.id, "post", "Old.", {}, midnight - before)
        store.add([event])
    record(user, "4", "5", kind=Kind.SIGN_IN)
    record(user, "6")
    counts = client.get("/activity/counts?days=366").json()
    assert [(one["kind"], one["count"]) for one in counts] == [
        ("post", 3),
        ("sign_in", 2),
        ("post", 1),
        ("post", 1),
    ]
    days = [midnight.date() - timedelta(days=ago) for ago in (0, 0, 1, 2)]
    assert [one["day"] for one in counts] == [str(day) for day in days]
    assert client.get("/activity/counts?days=1").json() == counts[:2]
    assert client.get("/activity/counts?days=2").json() == counts[:3]


@pytest.mark.parametrize("days", [0, 367, "x"])
def test_days_beyond_a_year_are_refused(client, user, days):
    assert client.get(f"/activity/counts?days={days}").status_code == 422
